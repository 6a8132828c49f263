"""A policy network as a guide of search: its values end it, its policy narrows it.

The value head has learned discounted sums of compressed rewards (`agents.policy.rewards`), not points. So the search
counts in that unit too: the moves on the way earn compressed rewards, and the end of the game costs what it cost in
training. Then what is found along the way and what the network expects beyond it are of one kind.
"""

import numpy as np

from agents.expectimax import Floats, Leaves, Masks, Prior
from agents.lockstep import Words
from agents.policy.agent import evaluate_boards
from agents.policy.boards import action_masks
from agents.policy.network import PolicyNetwork
from agents.policy.unit import ValueUnit


def network_leaves(network: PolicyNetwork, unit: ValueUnit, *, symmetric: bool = False) -> Leaves:
    """Return the values of a network for `agents.expectimax.ExpectimaxAgent`.

    They are of states, before a move, as it learned them: the search ends after a new tile.

    Parameters
    ----------
    network : PolicyNetwork
    unit : ValueUnit
        Of its values.
    symmetric : bool
        Whether to average over the eight symmetric boards: 8 times the work.
    """

    def value(boards: Words) -> Floats:
        # Two moves and two tiles come in any order: at depth 2, four of ten boards are there already.
        distinct, places = np.unique(boards, return_inverse=True)
        values: Floats = evaluate_boards(network, distinct, action_masks(distinct), symmetric=symmetric)[1][places]
        return values

    return Leaves(value=value, of="states", reward=unit.compressed, discount=unit.gamma, end=-unit.end_penalty)


def network_prior(network: PolicyNetwork, *, symmetric: bool = False) -> Prior:
    """Return the policy of a network as a prior for `agents.expectimax.ExpectimaxAgent`."""

    def prior(boards: Words, masks: Masks) -> Floats:
        return evaluate_boards(network, boards, masks, symmetric=symmetric)[0]

    return prior
