"""Agents that travel: what arrives plays the same games, with weights that are where they were."""

import numpy as np
import pytest

from agents.baselines import MonteCarloAgent
from agents.distributed.sharing import pack, unpack
from agents.networks import Network
from agents.ntuple import NTupleAgent, Values
from agents.td import TDLearner

SMALL = Network.named("0123+4567")


@pytest.fixture(scope="module")
def ntuple():
    learner = TDLearner(seed=1, network=SMALL)
    learner.train(100)
    return learner.agent()


@pytest.mark.parametrize("name", ["ntuple", "monte-carlo"])
def test_what_arrives_plays_the_same_game(name, ntuple):
    agent = ntuple if name == "ntuple" else MonteCarloAgent(2)

    there = unpack(pack(agent))

    assert there.name == agent.name
    assert there.play_game(5).plies.tolist() == agent.play_game(5).plies.tolist()


def test_weights_are_not_copied_even_from_memory_that_must_not_be_written_to(ntuple):
    packed = pack(ntuple)
    (weights,) = packed.weights
    weights = weights.copy()
    weights.flags.writeable = False

    there = unpack(packed._replace(weights=[weights]))

    assert np.shares_memory(there.values.weights, weights)
    assert there.play_game(5).score == ntuple.play_game(5).score


def test_packing_leaves_the_agent_as_it_is(ntuple):
    before = ntuple.values

    pack(ntuple)

    assert ntuple.values is before
    assert ntuple.values.weights.size == SMALL.n_weights


def test_a_network_that_is_used_twice_arrives_once():
    values = Values(SMALL, np.ones(SMALL.n_weights, np.float32))
    pair = [NTupleAgent(values), NTupleAgent(values)]

    packed = pack(pair)
    first, second = unpack(packed)

    assert len(packed.weights) == 1
    assert first.values is second.values
