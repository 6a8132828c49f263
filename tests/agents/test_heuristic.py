"""The hand-made heuristic: against the same formula cell by cell, and as a player."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluate import evaluate
from agents.heuristic import heuristic_values
from agents.ntuple import NTupleAgent
from agents.ntuple_search import NTupleSearchAgent, ntuple_leaves
from game2048 import board as rules


def line_value(line):
    """As in the program that it is from, exponent by exponent."""
    tiles = [e for e in line if e]
    merges, run = 0, 1
    for here, there in zip(tiles, [*tiles[1:], None], strict=False):
        if here == there:
            run += 1
        else:
            merges, run = merges + (run if run > 1 else 0), 1
    falls = sum(a**4 - b**4 for a, b in pairwise(line) if a > b)
    rises = sum(b**4 - a**4 for a, b in pairwise(line) if b > a)
    return 200_000 + 270 * line.count(0) + 700 * merges - 47 * min(falls, rises) - 11 * sum(e**3.5 for e in line)


@given(st.lists(st.integers(0, 15), min_size=16, max_size=16))
def test_a_board_is_worth_its_rows_and_columns(cells):
    rows = np.array(cells).reshape(4, 4)
    expected = sum(line_value(line) for line in [*rows.tolist(), *rows.T.tolist()])

    value = ntuple_leaves(heuristic_values()).value(np.array([rules.pack(rows)[0]], np.uint64))

    assert value[0] == pytest.approx(expected, rel=1e-5)


def test_the_heuristic_reaches_2048_more_often_the_deeper_it_looks():
    greedy = evaluate(NTupleAgent(heuristic_values()), n_games=50, seed=1)
    deeper = evaluate(NTupleSearchAgent(heuristic_values(), depth=2), n_games=10, seed=1)

    assert 0.0 <= greedy.tile_rates["2048"] < deeper.tile_rates["2048"]
    assert deeper.mean > 1.5 * greedy.mean
