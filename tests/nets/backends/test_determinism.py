"""Same numbers, same bits, wherever in memory they are."""

import ast
from pathlib import Path

import numpy as np
import pytest

import nets.backends.jit
from nets.backends.jit.loss import softmax_kernel
from nets.backends.jit.normalization import layer_norm_rows_backward

KERNELS = sorted(Path(nets.backends.jit.__file__).parent.glob("*.py"))


def sums_while_writing(loop):
    """Whether an innermost loop adds up a number over its rounds, and writes to an array too."""
    parts = [node for statement in loop.body for node in ast.walk(statement)]
    if any(isinstance(node, ast.For | ast.While) for node in parts):
        return False
    assigned = [node for node in parts if isinstance(node, ast.Assign)]
    own = {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}
    added = [node.target for node in parts if isinstance(node, ast.AugAssign)]
    targets = [target for node in assigned for target in node.targets] + added
    writes = any(isinstance(target, ast.Subscript) for target in targets)
    return writes and any(isinstance(target, ast.Name) and target.id not in own for target in added)


def test_the_check_finds_what_it_is_for():
    loop = ast.parse("for j in range(n):\n    y[j] = x[j]\n    total += y[j]").body[0]

    assert sums_while_writing(loop)


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_no_loop_sums_and_writes_to_an_array(path):
    loops = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.For)]

    assert not [f"line {loop.lineno}" for loop in loops if sums_while_writing(loop)]


def in_one_buffer(gap, arrays):
    """Copy arrays into one piece of memory, so many numbers apart."""
    buffer, start, placed = np.zeros(sum(a.size + gap for a in arrays) + gap, np.float32), 0, []
    for array in arrays:
        place = buffer[start : start + array.size].reshape(array.shape)
        place[...] = array
        placed.append(place)
        start += array.size + gap
    return placed


@pytest.mark.parametrize("features", [3, 8, 13, 32])
def test_neighbours_in_memory_do_not_change_a_bit(features):
    rng = np.random.default_rng(0)
    grad, x = rng.standard_normal((2, 6, features)).astype(np.float32)
    weight = rng.standard_normal(features).astype(np.float32)
    statistics = np.stack([x.mean(1), 1 / x.std(1)]).astype(np.float32)
    found = set()
    for gap in (0, 1, 4, 16, 64, 4096):
        arrays = in_one_buffer(gap, [grad, x, weight, statistics, np.zeros_like(x), np.zeros((2, features))])
        layer_norm_rows_backward(*arrays)
        z, p = in_one_buffer(gap, [x, np.zeros_like(x)])
        softmax_kernel(z, p)
        found.add((arrays[4].tobytes(), arrays[5].tobytes(), p.tobytes()))

    assert len(found) == 1
