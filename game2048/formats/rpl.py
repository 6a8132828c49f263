"""``.rpl``, the recordings of the endgame-tablebase program: 25 bytes a ply, little endian.

A record is the board before the move (16 nibbles, the first cell highest), a byte ``move << 5 | cell << 1 | is_four``
with the moves 0 left, 1 right, 2 up, 3 down, and what the program thought of the four moves, which is passed over, as
is the highest bit of the byte. The last record closes the file: it has numbers of its own, and the last board or 0.

A nibble ends at 32768: games with larger tiles cannot be in such a file.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from game2048.record import MAX_PLIES, GameRecord, RecordError

RECORD: Final = np.dtype([("board", "<u8"), ("move", "u1"), ("values", "<u4", 4)])
CLOSING_MOVE: Final = 88
CLOSING_VALUES: Final = (666666666, 233333333, 314159265, 987654321)
ACTIONS: Final = np.array([3, 1, 0, 2])  # left, right, up, down as our actions
SHIFTS: Final = np.arange(60, -1, -4, dtype=np.uint64)


def is_rpl(data: bytes) -> bool:
    """Whether a file ends as such a recording does."""
    if not data or len(data) % RECORD.itemsize:
        return False
    last = np.frombuffer(data[-RECORD.itemsize :], RECORD)[0]
    return bool(last["move"] == CLOSING_MOVE) and tuple(last["values"].tolist()) == CLOSING_VALUES


def read_rpl(data: bytes) -> GameRecord:
    """Read a game; every board in the file must be the one that the plies before it give."""
    records = np.frombuffer(data, RECORD)
    if len(records) - 1 > MAX_PLIES:  # before the boards are unpacked, which takes several times the room
        raise RecordError(f"a game has at most {MAX_PLIES} plies, got {len(records) - 1}")
    last = int(records["board"][-1])
    boards = _exponents(records["board"] if last else records["board"][:-1])
    if len(records) == 1:
        raise RecordError(".rpl: there is no ply before the closing record")
    moves = records["move"][:-1].astype(np.int64)
    plies = (ACTIONS[moves >> 5 & 3] << 5 | moves & 31).astype(np.uint8)
    try:
        game = GameRecord(start=boards[0], plies=plies)
    except RecordError as error:
        if error.ply is None:
            raise
        _check_boards(boards, GameRecord(start=boards[0], plies=plies[: error.ply - 1]))
        raise
    _check_boards(boards, game)
    return game


def _exponents(boards: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Unpack boards, ndarray of uint8, shape (n, 16)."""
    return (boards[:, None] >> SHIFTS & np.uint64(15)).astype(np.uint8)


def _check_boards(boards: npt.NDArray[np.uint8], game: GameRecord) -> None:
    """Compare the boards of a file with those of the replay, as far as both go."""
    replayed = game.boards.reshape(-1, 16)[: len(boards)]
    wrong = np.flatnonzero((boards[: len(replayed)] != replayed).any(axis=1))
    if wrong.size:
        ply = int(wrong[0])
        large = " (the file cannot hold tiles above 32768)" if replayed[ply].max() > 15 else ""
        raise RecordError(f"the board after it is not the one in the file{large}", ply=ply)
