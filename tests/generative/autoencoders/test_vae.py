"""The VAE: its losses in closed form, its gradients by hand, what it can draw, and that it learns, repeats, resumes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nets
from generative.autoencoders.coder import reconstruction_loss
from generative.autoencoders.vae import (
    VAE,
    gradients_by_hand,
    kl_divergence,
    kl_per_latent,
    reparametrise,
    vae_objective,
)
from generative.errors import SettingError
from generative.image_model import load, save
from generative.recipe import Recipe
from generative.training import train
from nets import Tensor, models
from nets.data import as_float, glyphs
from nets.evaluation import evaluate
from nets.testing import check_grads

LETTERS = glyphs(200, characters="ABC", size=16, generator=0)
TOY = Recipe(
    family="vae",
    name="toy",
    data="glyphs",
    model="vae",
    settings={"latent": 6, "widths": [48, 24], "conditional": True},
    objective={"beta": 0.5, "warmup": 45},
    steps=60,
    steps_per_epoch=20,
    batch_size=16,
    lr=1e-2,
    warmup=10,
    ema=0.9,
)


def build(seed=0, **settings):
    nets.manual_seed(seed)
    return models.build("vae", size=16, classes=["A", "B", "C"], **{"widths": [12], "latent": 4, **settings})


def batch(n=12):
    return as_float(LETTERS.images[:n]), LETTERS.labels[:n].astype(np.int64), np.zeros(n, np.int64)


def leaf(array):
    return Tensor(np.array(array), requires_grad=True, dtype=np.float64)


# --- the regularisation ---


@given(st.floats(-3, 3), st.floats(-2, 1))
def test_the_kl_divergence_is_never_negative_and_zero_at_the_prior(mu, log_sigma):
    kl = kl_per_latent(Tensor([[mu]], dtype=np.float64), Tensor([[log_sigma]], dtype=np.float64)).item()

    assert kl >= -1e-12
    assert kl_per_latent(Tensor([[0.0]]), Tensor([[0.0]])).item() == 0


def test_the_kl_divergence_agrees_with_an_average_over_draws():
    mu, sigma = 0.7, 0.4
    z = mu + sigma * np.random.default_rng(0).standard_normal(400_000)

    log_q = -0.5 * ((z - mu) / sigma) ** 2 - np.log(sigma)
    log_p = -0.5 * z**2

    kl = kl_per_latent(Tensor([[mu]]), Tensor([[np.log(sigma)]])).item()
    assert kl == pytest.approx((log_q - log_p).mean(), abs=0.005)


def test_the_kl_divergence_is_summed_over_latents_and_averaged_over_the_batch():
    rng = np.random.default_rng(0)
    mu, log_sigma = rng.standard_normal((2, 5, 3))

    value = kl_divergence(leaf(mu), leaf(log_sigma)).item()

    expected = -0.5 * (1 + 2 * log_sigma - mu**2 - np.exp(2 * log_sigma)).sum(1).mean()
    assert value == pytest.approx(expected, rel=1e-12)


def test_free_bits_let_small_latents_be_and_still_press_the_large():
    mu, log_sigma = leaf([[0.1, 2.0], [-0.1, 2.0]]), leaf(np.zeros((2, 2)))

    value = kl_divergence(mu, log_sigma, free_bits=0.5)
    value.backward()

    assert value.item() == pytest.approx(0.5 + 2.0)  # the second latent costs mu^2 / 2
    np.testing.assert_array_equal(mu.grad.numpy()[:, 0], 0)
    np.testing.assert_allclose(mu.grad.numpy()[:, 1], 1.0)


# --- gradients ---


@pytest.mark.parametrize("beta", [1.0, 0.05])
def test_gradients_by_hand_agree_with_the_autograd_all_the_way_through_a_linear_decoder(beta):
    rng = np.random.default_rng(0)
    x, w, b = rng.random(9), rng.standard_normal((9, 3)), rng.standard_normal(9)
    mu, log_sigma, eps = rng.standard_normal((3, 3))
    leaves = leaf(mu), leaf(log_sigma)

    z = reparametrise(*leaves, eps)
    back = (Tensor(w, dtype=np.float64) @ z) + b
    loss = 0.5 * ((x - back) ** 2).sum()
    loss = loss - beta * 0.5 * (1 + 2 * leaves[1] - leaves[0] ** 2 - (2 * leaves[1]).exp()).sum()
    loss.backward()

    slope_z = w.T @ (w @ (mu + eps * np.exp(log_sigma)) + b - x)  # J^T (x' - x)
    by_hand = gradients_by_hand(mu, log_sigma, eps, slope_z, beta)
    for tensor, slope in zip(leaves, by_hand, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), slope, rtol=0, atol=1e-9)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_gradients_by_hand_agree_with_the_autograd_in_a_whole_model(likelihood, architecture):
    model = build(likelihood=likelihood, architecture=architecture, widths=[4, 12]).to(np.float64)
    images = batch(5)[0].astype(np.float64)
    eps = np.random.default_rng(1).standard_normal((5, 4))
    mu, log_sigma = (leaf(tensor.numpy()) for tensor in model.encode(images))

    # The decoder's part of the chain: dL_rec/dz, with z as a leaf.
    z = leaf(mu.numpy() + eps * np.exp(log_sigma.numpy()))
    reconstruction_loss(model.decode_logits(z), images, likelihood).backward()
    by_hand = gradients_by_hand(mu.numpy(), log_sigma.numpy(), eps, 5 * z.grad.numpy(), beta=0.3)

    loss = reconstruction_loss(model.decode_logits(reparametrise(mu, log_sigma, eps)), images, likelihood)
    (loss + 0.3 * kl_divergence(mu, log_sigma)).backward()
    for tensor, slope in zip((mu, log_sigma), by_hand, strict=True):
        np.testing.assert_allclose(5 * tensor.grad.numpy(), slope, rtol=0, atol=1e-9)  # the loss is a mean over 5


def test_the_slopes_of_the_regularisation_are_mu_and_sigma_squared_less_one():
    mu, log_sigma = np.array([0.3, -1.2]), np.array([0.0, 0.5])

    by_hand = gradients_by_hand(mu, log_sigma, np.ones(2), np.zeros(2))

    np.testing.assert_array_equal(by_hand[0], mu)
    np.testing.assert_allclose(by_hand[1], np.exp(2 * log_sigma) - 1, rtol=1e-15)


def test_gradients_reach_mu_and_log_sigma_through_the_noise():
    eps = np.array([[0.5, -2.0]])

    check_grads(lambda mu, log_sigma: reparametrise(mu, log_sigma, eps), [[1.0, 2.0]], [[0.3, -0.4]])


def test_the_reparametrisation_has_the_mean_and_the_spread_that_were_asked_for():
    nets.manual_seed(0)
    mu, log_sigma = Tensor(np.full((200_000, 1), 2.0)), Tensor(np.full((200_000, 1), np.log(0.5)))

    z = reparametrise(mu, log_sigma).numpy()

    assert z.mean() == pytest.approx(2, abs=0.01)
    assert z.std() == pytest.approx(0.5, abs=0.01)


# --- the objective ---


def test_the_objective_is_reconstruction_plus_weighted_kl():
    model = build().eval()
    nets.manual_seed(1)

    loss, others = vae_objective(beta=0.25)(model, batch())

    assert loss.item() == pytest.approx(others["reconstruction"] + 0.25 * others["kl"], rel=1e-6)
    mu, log_sigma = model.encode(batch()[0])
    assert others["kl"] == pytest.approx(kl_divergence(mu, log_sigma).item(), rel=1e-6)


def test_the_warmup_counts_steps_of_training_only_and_is_saved(tmp_path):
    model, objective = build(), vae_objective(beta=1.0, warmup=4)
    weights = []
    for _ in range(6):
        loss, others = objective(model, batch())
        weights.append((loss.item() - others["reconstruction"]) / others["kl"])
        evaluate(model, [batch()], objective)

    save(model, tmp_path)

    np.testing.assert_allclose(weights, [0, 0.25, 0.5, 0.75, 1, 1], atol=1e-3)
    assert model.steps.item() == load(tmp_path).steps.item() == 6


def test_free_bits_do_not_change_the_kl_that_is_reported():
    model = build().eval()
    mu, log_sigma = model.encode(batch()[0])

    others = vae_objective(free_bits=100.0)(model, batch())[1]

    assert others["kl"] == pytest.approx(kl_divergence(mu, log_sigma).item(), rel=1e-6)


@pytest.mark.parametrize("settings", [{"beta": -1}, {"warmup": -1}, {"free_bits": -0.5}, {"beta": float("nan")}])
def test_settings_of_the_objective_that_break_a_rule_are_refused(settings):
    with pytest.raises(SettingError, match="must not be negative"):
        vae_objective(**settings)


# --- pictures ---


@pytest.mark.parametrize("settings", [{}, {"conditional": True}, {"architecture": "conv", "widths": [2, 4]}])
def test_the_same_seed_draws_the_same_pictures(settings):
    model = build(**settings).eval()

    one, again, other = (model.sample([0, 1, 2], generator=np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert one.shape == (3, 16, 16)
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_drawing_leaves_the_common_stream_and_the_mode_alone():
    model = build()
    state = nets.random.get_rng_state()

    model.sample([0, 1], generator=np.random.default_rng(0))

    assert nets.random.get_rng_state() == state
    assert model.training


def test_the_posterior_is_what_encode_says_and_the_code_is_its_mean():
    model, images = build(), batch(5)[0]

    mu, log_sigma = model.posterior(images[:, 0])

    for array, tensor in zip((mu, log_sigma), model.encode(images), strict=True):
        np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model.code(images), mu)


@pytest.mark.parametrize(
    ("labels", "case", "words"),
    [
        ([3], None, r"labels must be in 0\.\.2, got 3"),
        ([0.5], None, "labels must be ints"),
        ([0], [3], r"case must be in 0\.\.2"),
        ([0, 1], [1], "case must be one a label, got 1 for 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(labels, case, words):
    with pytest.raises(SettingError, match=words):
        build().sample(labels, generator=np.random.default_rng(0), case=case)


# --- training ---


def test_a_conditional_model_learns_to_draw_what_is_asked_for(tmp_path):
    recipe = replace(TOY, steps=450, steps_per_epoch=150, objective={"beta": 1.0, "warmup": 100})

    model = train(recipe, LETTERS, 0, folder=tmp_path)

    drawn = model.sample(np.repeat([0, 1, 2], 40), generator=np.random.default_rng(0)).reshape(3, 40, -1).mean(1)
    real = np.stack([as_float(LETTERS.images[LETTERS.labels == c]).reshape(-1, 256).mean(0) for c in range(3)])
    distances = np.linalg.norm(drawn[:, None] - real[None], axis=2)
    np.testing.assert_array_equal(distances.argmin(1), [0, 1, 2])
    assert distances.diagonal().max() < 0.5 * np.delete(distances.ravel(), [0, 4, 8]).min()


def test_training_lowers_the_bound(tmp_path):
    untrained, trained = build(latent=6, widths=[48, 24], conditional=True), train(TOY, LETTERS, 0, folder=tmp_path)

    before, after = (evaluate(model, [batch(60)], vae_objective(beta=0.5))["loss"] for model in (untrained, trained))

    assert after < 0.6 * before


def test_the_same_seed_gives_the_same_weights_and_a_stop_changes_nothing(tmp_path):
    whole = train(TOY, LETTERS, 3, folder=tmp_path / "whole")
    calls = iter(range(1000))
    assert train(TOY, LETTERS, 3, folder=tmp_path / "parts", should_stop=lambda: next(calls) == 30) is None

    resumed = train(TOY, LETTERS, 3, folder=tmp_path / "parts", resume=True)

    assert whole.steps.item() == 60
    for name, array in whole.state_dict().items():
        np.testing.assert_array_equal(array, resumed.state_dict()[name])


def test_a_saved_model_draws_what_it_drew(tmp_path):
    model = train(replace(TOY, steps=20), LETTERS, 0, folder=tmp_path)

    twin = load(tmp_path)

    assert isinstance(twin, VAE)
    one, other = (m.sample([0, 1, 2, 2], generator=np.random.default_rng(7)) for m in (model, twin))
    np.testing.assert_array_equal(one, other)
