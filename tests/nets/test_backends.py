"""Choosing a back end."""

import threading

import pytest

import nets
from nets.backends import backend


def test_a_block_ends_with_what_was_before():
    before = backend().name
    with nets.use("numpy") as ops:
        assert backend() is ops
        with nets.use("numba"):
            assert backend().name == "numba"
        assert backend().name == "numpy"
    assert backend().name == before


def test_a_choice_without_a_block_is_for_all_threads_and_stays():
    before = backend().name
    found = []
    try:
        nets.use("numpy")
        thread = threading.Thread(target=lambda: found.append(backend().name))
        thread.start()
        thread.join()
        assert found == ["numpy"]
        assert backend().name == "numpy"
    finally:
        nets.use(before)


def test_a_block_is_of_its_thread_alone_even_if_blocks_overlap():
    before = backend().name
    entered, leave, found = threading.Event(), threading.Event(), []

    def other():
        with nets.use("numpy"):
            entered.set()
            leave.wait(10)
            found.append(backend().name)

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(10)
    with nets.use("numba"):
        leave.set()
        thread.join()
        assert backend().name == "numba"
    assert found == ["numpy"]
    assert backend().name == before


def test_an_unknown_back_end_is_refused_and_nothing_changes():
    before = backend().name
    with pytest.raises(nets.ArgumentError, match="backend must be one of numpy, numba, cupy, got 'tpu'"):
        nets.use("tpu")
    assert backend().name == before
