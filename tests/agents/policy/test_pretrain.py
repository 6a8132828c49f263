"""Imitation: the targets, the loss, and a student that comes close to its teacher."""

import copy
import dataclasses

import numpy as np
import pytest

import nets
from agents.errors import CheckpointError, NoCheckpointError
from agents.evaluate import evaluate
from agents.policy import pretrain
from agents.policy.agent import PolicyAgent
from agents.policy.boards import action_masks
from agents.policy.checkpoint import load_learner, load_network, save_learner
from agents.policy.distribution import masked_log_softmax
from agents.policy.network import NetworkConfig
from agents.policy.pretrain import TOGETHER, Pretrain, PretrainSettings, imitation_loss, write_soft_targets
from agents.policy.rewards import compress, tile_sums
from agents.policy.vtrace import VTrace, VTraceSettings
from nets.testing import check_grads
from tests.agents.policy.small import NETWORK, same_state, small_learner
from tests.agents.policy.teachers import learned_teacher, teacher_folder
from tests.oracles.small_board import SmallGames

N = 12
NTUPLE = NetworkConfig(body="ntuple")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return teacher_folder(tmp_path_factory.mktemp("teacher"))


def student(folder, **chosen):
    settings = {"n_games": 4, "horizon": 40, "batch_size": 50, "network": NETWORK, **chosen}
    return Pretrain(PretrainSettings(teacher=folder, **settings))


@pytest.fixture
def batch():
    """Random logits, legal actions, probabilities of these, values and returns."""
    random = np.random.default_rng(4)
    masks = random.random((N, 4)) < 0.6
    masks[np.arange(N), random.integers(4, size=N)] = True
    targets = random.random((N, 4)) * masks
    return {
        "logits": random.normal(size=(N, 4)),
        "masks": masks,
        "targets": targets / targets.sum(1, keepdims=True),
        "values": random.normal(size=N),
        "returns": random.normal(size=N),
    }


def loss_of(batch, logits, values, entropy_weight=0.3, value_weight=0.7):
    log_pi = masked_log_softmax(logits, batch["masks"])
    return imitation_loss(
        log_pi, batch["targets"], values, batch["returns"], entropy_weight=entropy_weight, value_weight=value_weight
    )


# --- the loss ---


def test_the_loss_is_the_equation(batch):
    expected, right = 0.0, 0
    for logits, mask, p, value, target in zip(*batch.values(), strict=True):
        pi = np.where(mask, np.exp(logits), 0) / np.exp(logits)[mask].sum()
        legal = np.flatnonzero(mask)
        cross_entropy = -sum(p[a] * np.log(pi[a]) for a in legal)
        uncertainty = -sum(pi[a] * np.log(pi[a]) for a in legal)
        expected += cross_entropy - 0.3 * uncertainty + 0.35 * (value - target) ** 2
        right += pi.argmax() == p.argmax()

    loss, figures = loss_of(batch, nets.Tensor(batch["logits"]), nets.Tensor(batch["values"]))

    assert float(loss) == pytest.approx(expected)
    assert figures["accuracy"] == right
    assert 0 < right < N
    parts = figures["policy_loss"] - 0.3 * figures["entropy"] + 0.35 * figures["value_error"]
    assert parts == pytest.approx(expected)


def test_gradient_of_the_loss(batch):
    check_grads(lambda z, v: loss_of(batch, z, v)[0], batch["logits"], batch["values"])


def test_without_returns_nothing_is_said_of_values(batch):
    logits, values = (nets.Tensor(batch[name], requires_grad=True) for name in ("logits", "values"))
    batch["returns"] = None

    loss, figures = loss_of(batch, logits, values)
    loss.backward()

    assert values.grad is None
    assert logits.grad is not None
    assert "value_error" not in figures


# --- what is learned from ---


def test_soft_targets_are_the_softmax_of_values_in_sums_of_tiles():
    boards = np.array([0x0000_0012_0321_1432, 0x11, 0x1212_2121_1212_2121], np.uint64)
    values = np.array([[10, 12, -np.inf, 11.5], [-np.inf, 3, 3, 3], [5, -np.inf, -np.inf, -np.inf]], np.float32)
    out = np.empty((3, 4), np.float32)

    write_soft_targets(values, boards, np.float32(0.1), out)

    z = np.exp(values / (0.1 * tile_sums(boards)[:, None]))
    np.testing.assert_allclose(out, z / z.sum(1, keepdims=True), rtol=1e-5)
    assert out[1].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])


def seen_by(learner, monkeypatch):
    """Return everything that a learner's batches held in one block."""
    batches, learn = [], learner._learn
    monkeypatch.setattr(learner, "_learn", lambda *batch: batches.append(batch) or learn(*batch))
    learner.iterate()
    return [None if part[0] is None else np.concatenate(part) for part in zip(*batches, strict=True)], batches


@pytest.mark.parametrize("target", ["action", "values"])
@pytest.mark.parametrize("network", [NETWORK, NTUPLE], ids=["mlp", "ntuple"])
def test_every_position_of_a_block_is_learned_from_with_its_own_answer(folder, monkeypatch, target, network):
    """As often as there are epochs, in another order each time."""
    learner = student(folder, target=target, network=network, epochs=2, horizon=41)
    expected = copy.deepcopy(learner.teacher_games).play(41)
    (boards, targets, returns), batches = seen_by(learner, monkeypatch)

    assert [batch[0].size for batch in batches] == [50, 50, 50, 14] * 2
    answers = dict(zip(expected.boards[:, :-1].ravel().tolist(), expected.best.ravel().tolist(), strict=True))
    for half in (slice(0, 164), slice(164, 328)):
        assert sorted(boards[half]) == sorted(expected.boards[:, :-1].ravel())
    assert boards[:164].tolist() != boards[164:].tolist()
    assert targets.argmax(1).tolist() == [answers[board] for board in boards.tolist()]
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)
    assert set(np.unique(targets)) == {0, 1} if target == "action" else np.unique(targets).size > 100
    assert (returns is None) == (network is NTUPLE)
    assert learner.steps == 164


def test_an_ntuple_policy_meets_neighbours_together_and_others_do_not(folder):
    for network, size in ((NTUPLE, TOGETHER), (NETWORK, 1)):
        order = student(folder, network=network)._order(500)
        assert sorted(order) == list(range(500))
        assert np.mean(np.diff(order) == 1) == pytest.approx(1 - 1 / size, abs=0.02)


def test_returns_are_those_of_the_teachers_games(folder, monkeypatch):
    """Discounted, compressed rewards to the end of each game; beyond the block what the network thinks of it."""
    learner = student(folder, gamma=0.9, reward="score/sum", end_penalty=2.0, n_games=30, horizon=80, turn_games=False)
    moves = copy.deepcopy(learner.teacher_games).play(80)
    _, beyond = learner.evaluate(moves.boards[:, -1].copy())
    rewards = compress("score/sum", moves.rewards, moves.boards[:, :-1].copy(), moves.over, end_penalty=2.0)
    expected = {}
    for game in range(30):
        value = beyond[game]
        for t in range(79, -1, -1):
            value = rewards[game, t] + 0.9 * value * (not moves.over[game, t])
            expected.setdefault(int(moves.boards[game, t]), []).append(value)

    (boards, _, returns), _ = seen_by(learner, monkeypatch)

    assert moves.over.any()
    for board, value in zip(boards.tolist(), returns.tolist(), strict=True):
        assert any(value == pytest.approx(other, rel=1e-4, abs=1e-4) for other in expected[board])


def test_positions_are_turned_with_their_answers(folder, monkeypatch):
    """Not for an n-tuple policy, which cannot tell."""
    boards, masks = [], []
    original = pretrain.augment

    def spy(*given):
        turned, targets = original(*given)
        boards.append(turned != given[0])
        masks.append((targets > 0) <= action_masks(turned))
        return turned, targets

    monkeypatch.setattr(pretrain, "augment", spy)
    student(folder, target="values").iterate()
    assert np.concatenate(boards).mean() == pytest.approx(7 / 8, abs=0.1)
    assert np.concatenate(masks).all()

    boards.clear()
    student(folder, turn_games=False).iterate()
    student(folder, network=NTUPLE).iterate()
    assert not boards


# --- learning ---


@pytest.mark.parametrize("target", ["action", "values"])
def test_an_ntuple_policy_comes_close_to_its_teacher(folder, target):
    """From 200,000 positions: it agrees in four of five moves, and plays most of the way as well."""
    learner = student(folder, target=target, network=NTUPLE, lr=7.5e-4, n_games=16, horizon=2500, batch_size=1000)

    accuracies = [learner.iterate()["accuracy"] for _ in range(5)]

    assert accuracies == sorted(accuracies)
    assert accuracies[-1] > 0.7
    own, others = (
        evaluate(agent, n_games=50).mean for agent in (learned_teacher().agent(), PolicyAgent(learner.network))
    )
    assert others > 0.5 * own


def test_a_network_with_values_learns_both(folder):
    """From 96,000 positions; measured: accuracy 0.47 to 0.54 and 0.45 to 0.53, value error 126 to 21 and 122 to 23."""
    learner = student(
        folder, n_games=16, horizon=500, batch_size=500, lr=3e-3, value=0.5, network=NetworkConfig(width=64)
    )

    figures = [learner.iterate() for _ in range(12)]

    assert figures[-1]["accuracy"] > figures[0]["accuracy"] + 0.04
    assert figures[-1]["value_error"] < 0.4 * figures[0]["value_error"]
    assert figures[-1]["policy_loss"] < 0.92 * figures[0]["policy_loss"]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("network", [NETWORK, NTUPLE], ids=["mlp", "ntuple"])
def test_the_same_seed_gives_the_same_weights_and_a_resumed_run_too(folder, tmp_path, n_threads, network):
    chosen = {"n_threads": n_threads, "network": network, "seed": 3, "exploration": 0.1, "target": "values"}
    one, other = (student(folder, **chosen) for _ in range(2))
    for _ in range(2):
        one.iterate()
    save_learner(one, tmp_path)
    resumed = load_learner(tmp_path)

    figures = [learner.iterate() for learner in (one, resumed, other, other, other)]

    assert figures[0] == figures[1] == figures[-1]
    same_state(one, resumed)
    same_state(one, other)


def test_policy_gradients_go_on_from_its_network(folder, tmp_path):
    learner = student(folder)
    learner.iterate()
    save_learner(learner, tmp_path)

    network = load_network(tmp_path)
    follower = VTrace(VTraceSettings(n_games=4, horizon=4, network=NETWORK), network=network)

    boards = learner.teacher_games.boards
    np.testing.assert_array_equal(follower.evaluate(boards)[0], learner.evaluate(boards)[0])
    assert follower.iterate()["kl"] >= 0


# --- what is refused ---


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"teacher": ""}, "teacher must be the folder of an n-tuple agent's run, got ''"),
        ({"target": "best"}, "target must be one of action, values, got 'best'"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"exploration": 1.1}, r"exploration must be in \[0, 1\], got 1.1"),
        ({"batch_size": 0}, "batch_size must be a positive int, got 0"),
        ({"epochs": 0}, "epochs must be a positive int, got 0"),
    ],
    ids=str,
)
def test_a_broken_rule_is_named(chosen, message):
    with pytest.raises(ValueError, match=message):
        PretrainSettings(**{"teacher": "x", **chosen})


def test_a_teacher_that_is_not_there_or_no_ntuple_agent_is_named(tmp_path):
    with pytest.raises(NoCheckpointError, match=r"no model in .*nowhere"):
        student(str(tmp_path / "nowhere"))
    save_learner(small_learner("ppo"), tmp_path)
    with pytest.raises(CheckpointError, match="is not a checkpoint of a game2048 n-tuple network"):
        student(str(tmp_path))


def test_a_run_does_not_go_on_with_another_teacher(folder):
    learner = student(folder)
    tensors, header = learner.state_dict()

    with pytest.raises(CheckpointError, match=r"teacher .* must be n-tuple .*, 301 games, as it was, got .* 300 games"):
        learner.load_state_dict(tensors, {**header, "teacher": header["teacher"].replace("300", "301")})


def test_small_boards_have_no_teacher(folder):
    settings = dataclasses.replace(student(folder).settings)

    with pytest.raises(ValueError, match="games must be of 2048, as the teacher's are, got SmallGames"):
        Pretrain(settings, SmallGames(4))
