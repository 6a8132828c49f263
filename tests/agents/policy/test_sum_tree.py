"""The sum tree: the same as summing all leaves, and the same bits however it came to be."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from agents.policy.sum_tree import SumTree

# Sums of such leaves are exact, so the leaf that a mass falls on is beyond doubt.
leaves = st.lists(st.integers(1, 9), min_size=1, max_size=600)


def tree_of(priorities):
    tree = SumTree(len(priorities))
    tree.restore(np.array(priorities, np.float32))
    return tree


@given(leaves, st.data())
def test_a_mass_falls_on_the_leaf_that_a_running_sum_finds(priorities, data):
    """For a range of leaves anywhere, around the end and back to the first leaf too."""
    first = data.draw(st.integers(0, len(priorities) - 1))
    n = data.draw(st.integers(1, len(priorities)))
    ring = [(first + k) % len(priorities) for k in range(n)]
    total = sum(priorities[i] for i in ring)
    masses = np.arange(total) + 0.5

    drawn, probabilities = tree_of(priorities).draw(first, n, masses / total)

    assert drawn.tolist() == [i for i in ring for _ in range(priorities[i])]
    np.testing.assert_allclose(probabilities, np.array(priorities)[drawn] / total, rtol=1e-12)


@given(leaves, st.data())
def test_a_changed_tree_is_the_tree_of_its_leaves_bit_for_bit(priorities, data):
    """Leaves whose sums are not exact: nothing is left of what they were before."""
    n = len(priorities)
    tree = tree_of(np.array(priorities) / 3)
    some = st.lists(st.tuples(st.integers(0, n - 1), st.floats(0, 1e6, width=32)), max_size=20)

    for _ in range(3):
        changes = data.draw(some)
        tree.set(np.array([i for i, _ in changes], np.int64), np.array([p for _, p in changes], np.float32))
        first = data.draw(st.integers(0, n))
        tree.fill(first, data.draw(st.integers(first, n)), 0.1)

    np.testing.assert_array_equal(tree.sums, tree_of(tree.leaves).sums)


def test_the_root_is_the_sum_of_all_leaves():
    for n in (1, 15, 16, 17, 256, 257, 5000):
        assert tree_of([3] * n).sums[-1] == 3 * n


def test_leaves_without_priority_are_never_drawn_even_at_the_edge_of_the_sum():
    tree = tree_of([0, 0, 0.1] + [0] * 40 + [0.2] + [0] * 40)

    drawn, _ = tree.draw(1, 80, np.array([0.0, 0.3, 0.4, 1.0]))

    assert drawn.tolist() == [2, 2, 43, 43]


def test_small_priorities_keep_their_chances_beside_large_ones_out_of_the_range():
    """A hundred leaves of 1e-6 between leaves of 1e30: a difference of running sums would be 0."""
    priorities = np.full(300, 1e30)
    priorities[100:200] = 1e-6
    uniforms = (np.arange(1000) + 0.5) / 1000

    drawn, probabilities = tree_of(priorities).draw(100, 100, uniforms)

    assert drawn.tolist() == [100 + k // 10 for k in range(1000)]
    np.testing.assert_allclose(probabilities, 0.01)


def test_leaves_are_drawn_in_proportion_to_their_priorities():
    rng = np.random.default_rng(5)
    priorities = rng.random(300)

    drawn, _ = tree_of(priorities).draw(0, 300, rng.random(200_000))

    counts = np.bincount(drawn, minlength=300)
    assert chisquare(counts, priorities / priorities.sum() * counts.sum()).pvalue > 0.01
