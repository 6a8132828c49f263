"""The off-policy actor-critic: gradients, signs, weights of an unchanged policy; with and without a critic beside."""

import numpy as np
import pytest

import nets
from agents.policy import vtrace
from agents.policy.checkpoint import load_learner, save_learner
from agents.policy.config import NetworkConfig
from agents.policy.distribution import masked_log_softmax
from agents.policy.vtrace import VTraceSettings, advantages_of, all_actions_loss, vtrace_loss
from nets.testing import check_grads
from tests.agents.policy.small import same_state, small_learner, some_steps
from tests.agents.policy.teachers import learned_teacher, teacher_folder
from tests.oracles.small_board import SmallGames

N = 12
NTUPLE = NetworkConfig(body="ntuple")
AFTERSTATES = {"critic": "afterstates", "horizon": 40, "batch_size": 40, "capacity": 400}
"""Long enough for games to end."""


@pytest.fixture
def batch():
    """Random logits, values, masks with the action that was taken among the legal ones, and what weighs it."""
    random = np.random.default_rng(4)
    steps = some_steps(N, random)
    return {
        **steps,
        "targets": random.normal(size=N),
        "weights": random.random(N),
        "of_actions": np.where(steps["masks"], random.normal(size=(N, 4)), 0),
    }


def probabilities(logits, masks):
    p = np.where(masks, np.exp(logits), 0)
    return p / p.sum(1, keepdims=True)


def sampled(batch, logits, values, entropy_weight=0.3, value_weight=0.7):
    return vtrace_loss(
        masked_log_softmax(logits, batch["masks"]),
        values,
        batch["actions"],
        batch["advantages"],
        batch["targets"],
        entropy_weight=entropy_weight,
        value_weight=value_weight,
        weights=batch["weights"],
    )


def over_all_actions(batch, logits, entropy_weight=0.3):
    log_pi = masked_log_softmax(logits, batch["masks"])
    return all_actions_loss(log_pi, batch["of_actions"], entropy_weight=entropy_weight, weights=batch["weights"])


# --- the losses ---


def test_the_loss_of_samples_is_the_equation(batch):
    pi = probabilities(batch["logits"], batch["masks"])
    expected = 0.0
    for i, w in enumerate(batch["weights"]):
        expected -= w * batch["advantages"][i] * np.log(pi[i, batch["actions"][i]])
        expected += 0.7 / 2 * w * (batch["values"][i] - batch["targets"][i]) ** 2
        expected += 0.3 * sum(p * np.log(p) for p in pi[i] if p)

    loss, figures = sampled(batch, nets.Tensor(batch["logits"]), nets.Tensor(batch["values"]))

    assert float(loss) == pytest.approx(expected)
    parts = figures["policy_loss"] - 0.3 * figures["entropy"] + 0.35 * figures["value_error"]
    assert parts == pytest.approx(expected)


def test_gradient_of_the_loss_of_samples(batch):
    check_grads(lambda z, v: sampled(batch, z, v)[0], batch["logits"], batch["values"])


def test_the_loss_over_all_actions_is_the_equation(batch):
    pi = probabilities(batch["logits"], batch["masks"])
    expected = 0.0
    for i, w in enumerate(batch["weights"]):
        expected -= w * sum(pi[i] * batch["of_actions"][i])
        expected += 0.3 * sum(p * np.log(p) for p in pi[i] if p)

    loss, figures = over_all_actions(batch, nets.Tensor(batch["logits"]))

    assert float(loss) == pytest.approx(expected)
    assert figures["policy_loss"] - 0.3 * figures["entropy"] == pytest.approx(expected)


def test_gradient_of_the_loss_over_all_actions(batch):
    check_grads(lambda z: over_all_actions(batch, z)[0], batch["logits"])


def test_the_sum_over_actions_is_the_mean_of_samples(batch):
    """Each action drawn as often as pi says, with its advantage: the same gradient, without a sample's variance."""
    batch["weights"][...] = 1
    whole = nets.Tensor(batch["logits"], requires_grad=True)
    over_all_actions(batch, whole, entropy_weight=0.0)[0].backward()
    pi, mean = probabilities(batch["logits"], batch["masks"]), 0.0
    for action in range(4):
        logits = nets.Tensor(batch["logits"], requires_grad=True)
        batch["actions"][...] = action
        batch["advantages"] = pi[:, action] * batch["of_actions"][:, action]
        legal = {**batch, "advantages": np.where(batch["masks"][:, action], batch["advantages"], 0)}
        sampled(legal, logits, nets.Tensor(batch["values"]), 0.0, 0.0)[0].backward()
        mean = mean + logits.grad.data

    np.testing.assert_allclose(whole.grad.data, mean, rtol=1e-6, atol=1e-9)


def test_advantages_are_what_an_action_brings_beyond_the_policys_mean():
    q = np.array([[10, 20, -np.inf, 40], [-np.inf, 5, -np.inf, -np.inf]], np.float32)
    p = np.array([[0.5, 0.25, 0, 0.25], [0, 1, 0, 0]], np.float32)

    advantages = advantages_of(q, p, np.array([10, 2], np.float32))

    assert advantages.tolist() == [[-1, 0, 0, 2], [0, 0, 0, 0]]


# --- the sign test ---


def test_an_action_value_that_is_not_a_number_is_no_illegal_action():
    """It makes the loss not a number, at which the learner stops; as an illegal one it would be passed over."""
    q = np.array([[4, np.nan, -np.inf, 8]], np.float32)

    advantages = advantages_of(q, np.full((1, 4), 0.25, np.float32), np.ones(1, np.float32))

    assert np.isnan(advantages[0, 0])
    assert advantages[0, 2] == 0


@pytest.mark.parametrize("kind", ["network", "afterstates", "ntuple"])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_action_with_a_positive_advantage_becomes_more_likely(kind, sign):
    """One step of the learner's own update: up for a positive advantage, down for a negative one."""
    own = {"critic": "afterstates", "network": NTUPLE} if kind == "ntuple" else {}
    learner = small_learner("vtrace", **own)
    board = np.array([0x2100_0021_0010_1002], np.uint64)
    mask = learner.games.masks(board)
    before, values = learner.evaluate(board)
    assert mask[0, 1]

    def objective(network, part):
        log_pi = masked_log_softmax(network(board)[0], mask)
        if kind == "network":
            given = (np.array([1]), np.array([sign], np.float32), values)
            return vtrace_loss(log_pi, nets.Tensor(values), *given, entropy_weight=0.0, value_weight=0.0)
        advantages = np.array([[0, sign, 0, 0]], np.float32)
        return all_actions_loss(log_pi, advantages, entropy_weight=0.0)

    learner.update(objective, 1)

    after, _ = learner.evaluate(board)
    assert np.sign(after[0, 1] - before[0, 1]) == sign


# --- importance weights ---


def log_weights_of_fresh_roll_outs(monkeypatch, **chosen):
    """The logarithms of the weights by which the first batch of each roll-out was corrected, and its KL estimate."""
    seen = []
    original = vtrace.vtrace
    monkeypatch.setattr(vtrace, "vtrace", lambda log_rhos, *rest: seen.append(log_rhos) or original(log_rhos, *rest))
    learner = small_learner("vtrace", replay=0.0, batch_size=1000, **{"lr": 1e-2, **chosen})
    found = []
    for _ in range(4):
        seen.clear()
        found.append((learner.iterate()["kl"], seen[0]))
    return found


def test_importance_weights_of_an_unchanged_policy_are_1(monkeypatch):
    """Fresh roll-outs are learned from in one batch, before any step: all weights are 1 and the KL estimate is 0.

    Only up to rounding, for the policy played in batches of other shapes, and sums of products in matrices of other
    shapes may differ in the last bits.
    """
    for kl, log_rhos in log_weights_of_fresh_roll_outs(monkeypatch, n_games=40, length=5):
        np.testing.assert_allclose(np.exp(log_rhos), 1, atol=1e-5)
        assert 0 <= kl < 1e-9


def test_importance_weights_are_exactly_1_where_batches_have_the_same_shape(monkeypatch):
    """One step of all games, and learning from these boards alone: not one bit differs."""
    learner = small_learner("vtrace", n_games=40, lr=1e-2, replay=0.0, batch_size=1000)
    for _ in range(4):
        rollout = learner.gather()
        for t in range(rollout.horizon):
            log_probs, _ = learner.evaluate(rollout.boards[t])
            taken = log_probs[np.arange(40), rollout.actions[t]]
            assert (np.exp(taken - rollout.log_probs[t]) == 1).all()
        learner.iterate()


def test_importance_weights_of_an_ntuple_policy_are_exactly_1():
    """Its sums do not depend on the batch at all; after one step of learning the old weights are no longer 1."""
    learner = small_learner("vtrace", replay=0.0, lr=2.5e-4, network=NTUPLE, **{**AFTERSTATES, "batch_size": 1000})
    assert [learner.iterate()["kl"] for _ in range(4)] == [0, 0, 0, 0]

    rollout = learner.gather()
    boards, actions = rollout.boards[:-1].ravel(), rollout.actions.ravel()
    weights = [np.exp(learner.evaluate(boards)[0][np.arange(actions.size), actions] - rollout.log_probs.ravel())]
    learner.iterate()
    weights.append(np.exp(learner.evaluate(boards)[0][np.arange(actions.size), actions] - rollout.log_probs.ravel()))
    assert (weights[0] == 1).all()
    assert (weights[1] != 1).any()


def test_replayed_steps_have_a_kl_from_the_policy_that_played_them():
    learner = small_learner("vtrace", n_games=40, lr=1e-2, replay=4.0, capacity=4000, batch_size=200)

    figures = [learner.iterate() for _ in range(10)]

    assert figures[-1]["kl"] > 1e-5


# --- learning beside a critic ---


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("network", [NetworkConfig(width=16), NTUPLE], ids=["mlp", "ntuple"])
def test_with_a_critic_the_same_seed_gives_the_same_weights_and_a_resumed_run_too(tmp_path, n_threads, network):
    """With the buffer, the critic and its unfinished games, bit for bit."""
    chosen = {"n_threads": n_threads, "network": network, "seed": 3, "lr": 0.03, "prioritised": True, **AFTERSTATES}
    one = small_learner("vtrace", **chosen)
    for _ in range(3):
        one.iterate()
    save_learner(one, tmp_path)
    resumed = load_learner(tmp_path)

    figures = [[learner.iterate() for _ in range(3)] for learner in (one, resumed)]

    assert one.critic.games > 6
    assert repr(figures[0]) == repr(figures[1])  # which holds for NaN
    same_state(one, resumed)
    del resumed
    other = small_learner("vtrace", **chosen)
    for _ in range(6):
        other.iterate()
    same_state(one, other)


def test_an_ntuple_policy_learns_from_its_critic():
    """What 100,000 moves teach: twice the score of random play, and more in view of it at the end than before."""
    learner = small_learner(
        "vtrace",
        network=NTUPLE,
        lr=7.5e-4,
        n_games=100,
        horizon=50,
        critic="afterstates",
        batch_size=1000,
        capacity=50_000,
    )
    while learner.steps < 100_000:
        figures = learner.iterate()

    scores = learner.games.take_finished().scores
    assert np.mean(scores[:100]) < 1300
    assert np.mean(scores[-100:]) > 2200
    assert figures["entropy"] < 1


def test_a_critic_can_begin_with_what_another_agent_learned(tmp_path):
    folder = teacher_folder(tmp_path)

    learner = small_learner("vtrace", critic_from=folder, **AFTERSTATES)

    boards = learner.games.boards
    expected = small_learner("vtrace", **AFTERSTATES).critic
    expected.learner = learned_teacher()
    np.testing.assert_array_equal(learner.critic.action_values(boards), expected.action_values(boards))
    assert learner.critic.games == 300


# --- what is refused ---


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"critic": "oracle"}, "critic must be one of network, afterstates, got 'oracle'"),
        ({"replay": -1.0}, r"replay must be in \[0, 1000\), got -1.0"),
        ({"trace_decay": 1.5}, r"trace_decay must be in \[0, 1\], got 1.5"),
        ({"c_bar": 0.0}, "c_bar must be positive, got 0.0"),
        ({"rho_bar": 0.5}, "rho_bar must be at least c_bar, 1.0, got 0.5"),
        ({"length": 0}, "length must be a positive int, got 0"),
        ({"batch_size": 100}, "batch_size must be a multiple of length, 16, got 100"),
        ({"capacity": 1000}, r"capacity must be at least n_games \* length, 16384, got 1000"),
        ({"critic_from": "x"}, "critic_from must be empty unless critic is 'afterstates', got 'x'"),
        ({"network": NTUPLE}, "critic must be 'afterstates' for an n-tuple policy, which has no values"),
    ],
    ids=str,
)
def test_a_broken_rule_is_named(chosen, message):
    with pytest.raises(ValueError, match=message):
        VTraceSettings(**chosen)


def test_an_afterstate_critic_needs_the_rules_of_2048():
    with pytest.raises(ValueError, match="critic must be 'network' on SmallGames, got 'afterstates'"):
        small_learner("vtrace", SmallGames(6), critic="afterstates")
