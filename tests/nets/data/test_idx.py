"""The idx format: what is written is read, and what is broken is named."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nets.data import read_idx, write_idx
from nets.errors import ArgumentError, CorruptDataError, DtypeError, MissingDataError

DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "images-idx3-ubyte"
    write_idx(path, IMAGES)
    return path


def test_the_header_is_as_published(plain):
    assert plain.read_bytes() == bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 3, 4) + bytes(range(24))


@given(
    array=st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    ),
    name=st.sampled_from(["a", "a.gz"]),
)
def test_what_is_written_is_read(array, name, tmp_path_factory):
    path = tmp_path_factory.mktemp("idx") / name

    write_idx(path, array)
    back = read_idx(path)

    np.testing.assert_array_equal(back, array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.dtype.isnative


def test_gzip_is_seen_from_the_content_and_not_from_the_name(tmp_path, plain):
    (tmp_path / "no-ending").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "wrong.gz").write_bytes(plain.read_bytes())

    np.testing.assert_array_equal(read_idx(tmp_path / "no-ending"), IMAGES)
    np.testing.assert_array_equal(read_idx(tmp_path / "wrong.gz"), IMAGES)


def test_writing_twice_gives_the_same_bytes_and_leaves_nothing_else(tmp_path):
    write_idx(tmp_path / "a.gz", IMAGES)
    first = (tmp_path / "a.gz").read_bytes()
    write_idx(tmp_path / "a.gz", IMAGES)

    assert (tmp_path / "a.gz").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\0", "it begins with 00"),
        (b"<!DOCTYPE html><html>moved</html>", "like an HTML page"),
        (b"\n <html>", "like an HTML page"),
        (b"PK\x03\x04....", "like a zip archive"),
        (b"\x01\x02\x08\x01", "it begins with 01 02 08 01"),
        (b"\0\0\x07\x01\0\0\0\0", "type code 0x07, which must be one of 0x08 uint8"),
        (b"\0\0\x08\xff" + bytes(2000), "255 axes"),
        (b"\0\0\x08\x03\0\0\0\x01", "ends within its header: 3 lengths expected, 4 bytes found"),
        (b"\0\0\x08\x01\0\0\0\x03ab", "3 numbers of uint8, 3 bytes, but "),
        (b"\0\0\x08\x01\0\0\0\x03abcd", "3 numbers of uint8, 3 bytes, but goes on after that"),
        (b"\0\0\x0d\x02\0\0\0\x02\0\0\0\x03" + bytes(5), "2 x 3 numbers of float32, 24 bytes"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path, content, said, pack):
    path = tmp_path / "digits"
    path.write_bytes(pack(content))

    with pytest.raises(CorruptDataError) as error:
        read_idx(path)

    assert str(path) in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize("length", [3, 10, 30, -8, -1])
def test_a_truncated_gzip_file_is_corrupt(tmp_path, plain, length):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(plain.read_bytes())[:length])

    with pytest.raises(CorruptDataError, match=r"a\.gz"):
        read_idx(path)


def test_any_flipped_byte_of_a_gzip_file_is_noticed_or_harmless(tmp_path, plain):
    """A flipped byte of the name or the time in gzip's header changes nothing; any other must be noticed."""
    content = gzip.compress(plain.read_bytes())
    path = tmp_path / "a.gz"
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 0x55]) + content[i + 1 :])
        try:
            np.testing.assert_array_equal(read_idx(path), IMAGES)
        except CorruptDataError:
            continue
        assert i in {4, 5, 6, 7, 8, 9}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_header_that_promises_too_much_costs_no_memory(tmp_path, pack):
    path = tmp_path / "huge"
    path.write_bytes(pack(b"\0\0\x08\x03" + struct.pack(">3I", 2**20, 2**10, 1) + bytes(1000)))
    tracemalloc.start()

    with pytest.raises(CorruptDataError, match=r"1048576 x 1024 x 1"):
        read_idx(path)

    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_more_than_the_allowed_memory_is_refused(plain):
    with pytest.raises(CorruptDataError, match="24 bytes, more than the 23 that are allowed"):
        read_idx(plain, max_bytes=23)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="nowhere"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(MissingDataError):
        read_idx(tmp_path)


def test_what_idx_cannot_hold_is_refused(tmp_path):
    with pytest.raises(DtypeError, match="got int64"):
        write_idx(tmp_path / "a", np.arange(3))
    with pytest.raises(ArgumentError, match="32 axes"):
        write_idx(tmp_path / "a", np.zeros((1,) * 33, np.uint8))
