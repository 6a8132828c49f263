"""Messages through a pipe: a length (4 bytes, little endian), and MessagePack."""

from typing import Any, BinaryIO, Final

import msgspec

LENGTH: Final = 4


def write_frame(pipe: BinaryIO, message: list[Any]) -> None:
    """Write a message and send it off."""
    data = msgspec.msgpack.encode(message)
    pipe.write(len(data).to_bytes(LENGTH, "little") + data)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> list[Any] | None:
    """Wait for a message; None when the other side has closed."""
    head = pipe.read(LENGTH)
    if len(head) < LENGTH:
        return None
    data = pipe.read(int.from_bytes(head, "little"))
    return msgspec.msgpack.decode(data, type=list[Any])
