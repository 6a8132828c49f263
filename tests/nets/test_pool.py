"""Memory that is used again: only when nobody refers to it."""

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nets.backends.pool import SMALLEST, Pool


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


def test_memory_is_in_use_as_long_as_anyone_can_reach_it():
    """Through a memoryview, DLPack, or a pointer that keeps its array."""
    for reach in (memoryview, np.from_dlpack, lambda array: array.ctypes.data_as(ctypes.c_void_p)):
        pool = Pool()
        held = reach(pool.empty((200, 100)))
        assert pool.idle == 0
        del held
        assert pool.idle > 0


def test_a_tracing_debugger_does_not_make_used_memory_look_idle():
    """One that reads every frame's variables, and so refers to all that they refer to."""
    pool = Pool()

    def trace(frame, event, argument):
        dict(frame.f_locals)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        first = pool.empty((200, 100))
        first.fill(1)
        second = pool.empty((200, 100))
        second.fill(2)
    finally:
        sys.settrace(before)

    assert (first == 1).all()


def test_threads_never_share_memory_in_use():
    pool = Pool()

    def use(value):
        right = True
        for _ in range(200):
            array = pool.empty((100, 100))
            array.fill(value)
            right &= bool((array == value).all())
        return right

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(use, range(4)))


def test_many_arrays_at_once_take_no_longer_each():
    """Lending does not search: a thousand arrays in use leave nothing to look through."""
    pool = Pool()
    arrays = [pool.empty((100, 100)) for _ in range(1000)]

    assert pool.idle == 0
    del arrays
    assert pool.idle > 1000 * 40_000


def test_more_than_the_limit_does_not_lie_idle(monkeypatch):
    monkeypatch.setattr("nets.backends.pool.LIMIT", 200_000)
    pool = Pool()
    arrays = [pool.empty((100, 100)) for _ in range(20)]

    del arrays

    assert 0 < pool.idle <= 200_000
    pool.clear()
    assert pool.idle == 0
