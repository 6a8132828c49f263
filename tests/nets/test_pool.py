"""Memory that is used again: only when nobody refers to it."""

import threading

import numpy as np

from nets.backends.pool import LIMIT, SMALLEST, Pool


def test_memory_in_use_is_never_handed_out_again():
    pool = Pool()

    arrays = [pool.empty((200, 100), np.float32) for _ in range(5)]
    for i, array in enumerate(arrays):
        array.fill(i)

    assert [array.max() for array in arrays] == [0, 1, 2, 3, 4]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_a_view_keeps_its_memory_in_use():
    pool = Pool()
    row = pool.empty((200, 100))[3].reshape(10, 10).T
    row.fill(7)

    other = pool.empty((200, 100))
    other.fill(1)

    assert (row == 7).all()


def test_memory_is_used_again_when_nobody_refers_to_it():
    pool = Pool()
    address = pool.empty((200, 100)).ctypes.data

    assert pool.empty((100, 200)).ctypes.data == address
    assert pool.empty((50, 199), np.float64).ctypes.data == address  # a little smaller


def test_arrays_are_contiguous_and_start_at_a_cache_line():
    pool = Pool()
    for shape, dtype in (((3,), np.float32), ((99, 101), np.float64), ((1 << 14, 3), np.int32), ((0, 5), np.float32)):
        array = pool.empty(shape, dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.nbytes < SMALLEST or array.ctypes.data % 64 == 0


def test_threads_have_memory_of_their_own():
    pool = Pool()
    kept = pool.empty((200, 100))
    found = []

    thread = threading.Thread(target=lambda: found.append((pool.kept, pool.empty((200, 100)))))
    thread.start()
    thread.join()

    assert found[0][0] == 0
    assert not np.shares_memory(found[0][1], kept)


def test_more_than_the_limit_is_not_kept():
    pool = Pool()
    pool.kept = LIMIT

    pool.empty((200, 100))
    assert not any(pool.blocks.values())
    pool.clear()

    assert pool.kept == 0
