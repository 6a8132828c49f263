"""Policies of version 1: n-tuple tables and critics say what they said."""

import numpy as np
import pytest

import nets
from agents.policy import checkpoint_v1
from agents.policy.checkpoint import FILE_NAME, load_learner, load_network, save_learner
from agents.policy.config import NTUPLE_NETWORK, NetworkConfig
from agents.policy.network import build_network
from agents.policy.ppo import PPO, PPOSettings
from agents.policy.vtrace import VTrace, VTraceSettings
from nets.tensorfile import read_tensors, write_tensors
from tests.agents.test_checkpoint_v1 import boards
from tests.oracles import board as rules
from tests.oracles import checkpoint_v1 as old

SETTINGS = VTraceSettings(
    network=NetworkConfig(body="ntuple"), critic="afterstates", n_games=4, horizon=8, replay=0, batch_size=8, length=1
)


def old_tables(names=("weights",)):
    """Tables as version 1 knew them, of all afterstates of some boards."""
    afters = [rules.slide(cells.tolist(), a)[0] for cells in boards() for a in rules.legal_actions(cells.tolist())]
    rows = np.unique([f for cells in afters for f in old.features(np.array(cells))]).astype(np.uint32)
    generator = np.random.default_rng(0)
    return {"rows": rows, **{name: generator.random(rows.size, np.float32) for name in names}}


def expected_logits(tables, cells):
    weights = dict(zip(tables["rows"].tolist(), tables["weights"].tolist(), strict=True))
    return {
        a: sum(weights[f] for f in old.features(np.array(rules.slide(cells, a)[0]))) for a in rules.legal_actions(cells)
    }


def packed(cells):
    return np.array([sum(int(e) << 4 * i for i, e in enumerate(np.ravel(cells)))], np.uint64)


def small_boards():
    return [cells.tolist() for cells in boards() if cells.max() < 15]


def test_a_policy_prefers_what_it_preferred():
    tables, network = old_tables(), build_network(NetworkConfig(body="ntuple"))

    network.load_state_dict(
        {"preferences.merging": np.zeros(1, np.float32), **{f"tables.{k}": v for k, v in tables.items()}}
    )

    for cells in small_boards():
        logits = network(packed(cells))[0].data[0]
        for action, expected in expected_logits(tables, cells).items():
            assert logits[action] == pytest.approx(expected, rel=1e-5)


def test_a_damaged_table_is_named_and_changes_nothing():
    network = build_network(NetworkConfig(body="ntuple"))
    state = {"preferences.merging": np.zeros(1, np.float32), "tables.rows": np.array([2**31], np.uint32)}

    with pytest.raises(nets.CheckpointError, match=f"must be ints below {NTUPLE_NETWORK.n_weights}"):
        network.load_state_dict({**state, "tables.weights": np.zeros(1, np.float32)})
    with pytest.raises(nets.CheckpointError, match=r"tables need places and weights, got \['rows'\]"):
        network.load_state_dict(state)


def downgraded(folder, tables, critic):
    """Write over the checkpoint of a learner one of version 1 with these tables."""
    tensors, header = read_tensors(folder / FILE_NAME)
    assert header["version"] == 2
    tensors = {name: array for name, array in tensors.items() if name != "network.tables.places"}
    tensors |= {"network.tables.rows": tables["rows"], "network.tables.weights": tables["weights"]}
    tensors |= {"sparse.squares": tables["squares"], "critic.counts": np.array([50, 900])}
    coherence = np.stack([critic["weights"], critic["weights"]], 1)
    tensors |= {"critic.indices": critic["rows"], "critic.weights": critic["weights"], "critic.coherence": coherence}
    write_tensors(folder / FILE_NAME, tensors, {**header, "version": 1})


def test_a_learner_goes_on_with_its_tables_and_its_critic(tmp_path):
    learner = VTrace(SETTINGS)
    save_learner(learner, tmp_path)
    tables, critic = old_tables(("weights", "squares")), old_tables()
    downgraded(tmp_path, tables, critic)

    loaded = load_learner(tmp_path)

    assert (loaded.critic.games, loaded.critic.learner.episodes, loaded.critic.learner.moves) == (50, 50, 900)
    for cells in small_boards():
        logits = loaded.network(packed(cells))[0].data[0]
        values = loaded.critic.action_values(packed(cells))[0]
        for action, expected in expected_logits(tables, cells).items():
            assert logits[action] == pytest.approx(expected, rel=1e-5)
            value = expected_logits(critic, cells)[action] + rules.slide(cells, action)[1]
            assert values[action] == pytest.approx(value, rel=1e-5)
    squares = loaded.network.sparse_state_dict()["squares"]
    assert set(squares.tolist()) == set(tables["squares"].tolist())
    loaded.iterate()
    save_learner(loaded, tmp_path)
    assert load_learner(tmp_path).steps == loaded.steps > 0


def test_a_learner_without_tables_is_as_it_was(tmp_path):
    save_learner(PPO(PPOSettings(network=NetworkConfig(width=8, hidden=8), n_games=2, horizon=4)), tmp_path)
    tensors, header = read_tensors(tmp_path / FILE_NAME)
    write_tensors(tmp_path / FILE_NAME, tensors, {**header, "version": 1})

    loaded = load_learner(tmp_path)

    for name, array in load_network(tmp_path).state_dict().items():
        assert np.array_equal(array, loaded.network.state_dict()[name]), name


def test_a_teacher_is_known_by_its_old_name():
    header = {"settings": {"network": {"body": "mlp"}}, "state": {"teacher": "n-tuple 4x6+2x4, 100 games", "steps": 1}}

    _, upgraded = checkpoint_v1.upgraded_learner({}, header)

    assert upgraded["state"] == {"teacher": "n-tuple 4x6+lines, 100 games", "steps": 1}
