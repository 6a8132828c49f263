"""Symmetric boards as more examples and as more opinions."""

import numpy as np
import pytest

from agents.policy.agent import evaluate_boards
from agents.policy.boards import action_masks, transform
from agents.policy.distribution import masked_log_softmax
from agents.policy.network import NetworkConfig, build_network
from agents.policy.symmetry import augment
from game2048.symmetry import INVERSE, transform_action, transform_mask

N = 64


@pytest.fixture
def boards():
    """Almost full boards of many tiles, on which something is illegal."""
    return np.random.default_rng(0).integers(0, 2**64, N, dtype=np.uint64) | np.uint64(0x1111111111111111)


@pytest.fixture
def network():
    network = build_network(NetworkConfig(width=16, hidden=16), np.random.default_rng(0))
    network.policy.weight.data = network.policy.weight.data * 100
    return network


def test_augmented_actions_are_named_as_on_the_turned_board(boards):
    symmetries, actions = np.arange(N) % 8, np.arange(N) // 8 % 4

    turned, renamed = augment(boards, actions.astype(np.uint8), symmetries)

    np.testing.assert_array_equal(turned, transform(boards, symmetries))
    pairs = zip(actions.tolist(), symmetries.tolist(), strict=True)
    assert renamed.tolist() == [transform_action(action, symmetry) for action, symmetry in pairs]
    assert renamed.dtype == np.uint8


def test_masks_of_augmented_boards_are_augmented_masks(boards):
    symmetries = np.arange(N) % 8

    turned, masks = augment(boards, action_masks(boards), symmetries)

    np.testing.assert_array_equal(masks, action_masks(turned))
    assert not masks.all(), "where all is legal, nothing is tested"


def test_an_augmentation_is_undone_by_its_inverse(boards):
    symmetries, targets = np.arange(N) % 8, np.random.default_rng(1).random((N, 4), np.float32)

    back = augment(*augment(boards, targets, symmetries), INVERSE[symmetries])

    np.testing.assert_array_equal(back[0], boards)
    np.testing.assert_array_equal(back[1], targets)


def test_targets_of_another_shape_are_refused(boards):
    with pytest.raises(ValueError, match=r"targets must have shape \(64,\) or \(64, 4\), got \(64, 3\)"):
        augment(boards, np.zeros((N, 3)), np.zeros(N, np.uint8))


def test_the_average_is_over_what_is_said_of_each_symmetry(network, boards):
    p, values = np.zeros((N, 4)), np.zeros(N)
    for s in range(8):
        turned = transform(boards, s)
        logits, value = network(turned)
        there = np.exp(masked_log_softmax(logits, action_masks(turned)).data)
        p += transform_mask(there, int(INVERSE[s])) / 8
        values += value.data / 8

    legal = action_masks(boards)
    found = evaluate_boards(network, boards, legal, symmetric=True)

    np.testing.assert_allclose(found[0], p, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[1], values, rtol=1e-4, atol=1e-5)
    assert (found[0][~legal & legal.any(1, keepdims=True)] == 0).all()
    assert found[0].dtype == found[1].dtype == np.float32


def test_masks_that_boards_do_not_tell_are_given(network):
    """Two tiles above 32768 look equal on a saturated board, but differ."""
    masks = np.array([[False, True, True, False]])

    probabilities, _ = evaluate_boards(network, np.array([0xFF], np.uint64), masks, symmetric=True)

    assert (probabilities[0] > 0).tolist() == [False, True, True, False]
