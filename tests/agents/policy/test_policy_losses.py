"""The losses of REINFORCE and PPO: gradients, signs, and what the papers say about them."""

import numpy as np
import pytest

import nets
from agents.policy import ppo, reinforce
from agents.policy.ppo import ppo_loss
from agents.policy.reinforce import reinforce_loss
from nets.testing import check_grads
from tests.agents.policy.small import small_learner, some_steps

N = 12
ALL_LEGAL = np.ones((N, 4), bool)


@pytest.fixture
def batch():
    """Random logits, values, masks with the action that was taken among the legal ones, advantages and returns."""
    random = np.random.default_rng(4)
    return {**some_steps(N, random), "returns": random.normal(size=N)}


def naive_log_softmax(logits, mask):
    weights = [np.exp(z) if legal else 0.0 for z, legal in zip(logits, mask, strict=True)]
    return [np.log(w / sum(weights)) if w else None for w in weights]


def naive_entropy(log_pi):
    return -sum(np.exp(x) * x for x in log_pi if x is not None)


# --- REINFORCE ---


def test_reinforce_loss_is_the_equation(batch):
    c_h, c_v = 0.3, 0.7
    expected = 0.0
    for i in range(N):
        log_pi = naive_log_softmax(batch["logits"][i], batch["masks"][i])
        delta = batch["returns"][i] - batch["values"][i]
        expected += -delta * log_pi[batch["actions"][i]] - c_h * naive_entropy(log_pi) + c_v * delta**2 / 2

    loss, figures = reinforce_loss(
        nets.Tensor(batch["logits"]), nets.Tensor(batch["values"]), batch["masks"], batch["actions"], batch["returns"],
        entropy_weight=c_h, value_weight=c_v,
    )  # fmt: skip

    assert float(loss) == pytest.approx(expected)
    assert figures["policy_loss"] - c_h * figures["entropy"] + c_v / 2 * figures["value_error"] == pytest.approx(
        expected
    )


def test_gradient_of_the_reinforce_loss(batch):
    """By the logits it is that of the differences; by the values it is that of the squared error alone."""
    weights = {"entropy_weight": 0.3, "value_weight": 0.7}
    rest = (batch["masks"], batch["actions"], batch["returns"])
    constant = nets.Tensor(batch["values"])

    check_grads(lambda logits: reinforce_loss(logits, constant, *rest, **weights)[0], batch["logits"])

    values = nets.Tensor(batch["values"], requires_grad=True)
    reinforce_loss(nets.Tensor(batch["logits"]), values, *rest, **weights)[0].backward()
    np.testing.assert_allclose(values.grad.data, 0.7 * (batch["values"] - batch["returns"]))


# --- PPO ---


def clipped_loss(batch, logits, values, old_log_probs, **weights):
    rest = (batch["masks"], batch["actions"], old_log_probs, batch["advantages"], batch["returns"])
    return ppo_loss(logits, values, *rest, **{"clip": 0.2, "entropy_weight": 0.3, "value_weight": 0.7, **weights})


def old_log_probs_at_ratios(batch, ratios):
    rows = zip(batch["logits"], batch["masks"], batch["actions"], strict=True)
    return np.array([naive_log_softmax(z, m)[a] for z, m, a in rows]) - np.log(ratios)


RATIOS = np.array([0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 2.0, 0.5, 1.0, 2.0, 0.75, 1.25])


def test_ppo_loss_is_equation_9(batch):
    old = old_log_probs_at_ratios(batch, RATIOS)
    expected = 0.0
    for i, ratio in enumerate(RATIOS):
        log_pi = naive_log_softmax(batch["logits"][i], batch["masks"][i])
        advantage = batch["advantages"][i]
        surrogate = min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)
        expected += -surrogate - 0.3 * naive_entropy(log_pi) + 0.35 * (batch["values"][i] - batch["returns"][i]) ** 2

    loss, figures = clipped_loss(batch, nets.Tensor(batch["logits"]), nets.Tensor(batch["values"]), old)

    assert float(loss) == pytest.approx(expected)
    assert figures["clipped"] == 8
    assert figures["kl"] == pytest.approx((RATIOS - 1 - np.log(RATIOS)).sum())


def test_gradient_of_the_ppo_loss(batch):
    """At ratios on both sides of the clip, for advantages of both signs."""
    old = old_log_probs_at_ratios(batch, RATIOS)

    check_grads(lambda z, v: clipped_loss(batch, z, v, old)[0], batch["logits"], batch["values"])


@pytest.mark.parametrize(("ratio", "advantage", "moves"), [
    (1.0, 1.0, True), (1.3, 1.0, False), (0.7, 1.0, True),
    (1.0, -1.0, True), (1.3, -1.0, True), (0.7, -1.0, False),
])  # fmt: skip
def test_the_clip_stops_only_what_goes_further_away(batch, ratio, advantage, moves):
    batch["advantages"] = np.full(N, advantage)
    batch["masks"] = ALL_LEGAL
    logits = nets.Tensor(batch["logits"], requires_grad=True)
    old = old_log_probs_at_ratios(batch, np.full(N, ratio))

    clipped_loss(batch, logits, nets.Tensor(batch["values"]), old, entropy_weight=0.0)[0].backward()

    assert (np.abs(logits.grad.data).max(1) > 0).all() == moves
    assert (logits.grad.data != 0).any() == moves


def test_the_ratio_of_an_unchanged_policy_is_exactly_1(monkeypatch):
    """In the first batch, before any step: the KL estimate is 0 and nothing is clipped, to the last bit."""
    ratios = []

    def spy(logits, values, masks, actions, old_log_probs, *rest, **weights):
        log_pi = ppo.masked_log_softmax(logits, masks).data
        ratios.append(np.exp(log_pi[np.arange(actions.size), actions] - old_log_probs))
        return ppo_loss(logits, values, masks, actions, old_log_probs, *rest, **weights)

    monkeypatch.setattr(ppo, "ppo_loss", spy)
    learner = small_learner("ppo", n_games=50, horizon=7, batch_size=101, epochs=2, kl_limit=None, lr=1e-2, n_threads=2)
    for _ in range(3):
        ratios.clear()
        learner.iterate()

        # The two threads' parts of the first batch come first, in any order.
        assert all((part == 1).all() for part in ratios[:2])
        assert not any((part == 1).all() for part in ratios[2:])


def test_learning_ends_early_where_the_policy_moved_far():
    learner = small_learner("ppo", n_games=16, horizon=16, batch_size=64, epochs=10, lr=0.1, kl_limit=0.01)

    figures = learner.iterate()

    assert 1 < learner.updates < 40
    assert figures["kl"] > 0


# --- the sign test ---


@pytest.mark.parametrize("algorithm", ["reinforce", "ppo"])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_action_with_a_positive_advantage_becomes_more_likely(algorithm, sign):
    """One step of the learner's own update: up for a positive advantage, down for a negative one."""
    learner = small_learner(algorithm, entropy=0.0, value=0.0)
    board = np.array([0x2100_0021_0010_1002], np.uint64)
    mask = learner.games.masks(board)
    log_probs, values = learner.evaluate(board)
    action = np.array([1])
    assert mask[0, 1]
    own = {"entropy_weight": 0.0, "value_weight": 0.0}

    def objective(network, part):
        logits, value = network(board)
        if algorithm == "reinforce":
            return reinforce_loss(logits, value, mask, action, values + sign, **own)
        return ppo_loss(logits, value, mask, action, log_probs[:, 1], np.array([float(sign)]), values, clip=0.2, **own)

    learner.update(objective, 1)

    after, _ = learner.evaluate(board)
    assert np.sign(after[0, 1] - log_probs[0, 1]) == sign


# --- what they learn towards ---


def test_what_follows_a_roll_out_is_worth_its_baseline(monkeypatch):
    """REINFORCE's first deviation: returns end with the value of the last boards, before the step is taken."""
    learner = small_learner("reinforce")
    seen = []

    def spy(rewards, over, values, gamma, n):
        seen.append((values.copy(), learner.evaluate(learner.games.boards)[1], n))
        return original(rewards, over, values, gamma, n)

    original = reinforce.n_step_returns
    monkeypatch.setattr(reinforce, "n_step_returns", spy)
    learner.iterate()

    values, expected, n = seen[0]
    assert expected.any()
    assert (values[-1] == expected).all()
    assert n == 5


def test_advantages_of_ppo_come_from_the_values_of_their_own_boards(monkeypatch):
    """Shuffled into batches and back: row t of the values belongs to row t of the boards."""
    learner = small_learner("ppo")
    rollouts, seen = [], []
    gather = learner.gather
    monkeypatch.setattr(learner, "gather", lambda: rollouts.append(gather()) or rollouts[-1])

    def spy(rewards, over, values, gamma, lam):
        seen.append((values, learner.evaluate(rollouts[0].boards.ravel())[1]))
        return original(rewards, over, values, gamma, lam)

    original = ppo.gae
    monkeypatch.setattr(ppo, "gae", spy)
    learner.iterate()

    values, expected = seen[0]
    np.testing.assert_allclose(values.ravel(), expected, rtol=1e-5, atol=1e-6)
    assert np.unique(expected).size > 10
