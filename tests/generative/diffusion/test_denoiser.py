"""The denoiser of latent vectors: conditions, counts, gradients."""

import numpy as np
import pytest

from generative.diffusion.denoiser import N_CASES, Denoiser, count_weights
from nets.graph import no_grad
from nets.testing import check_grads

SIZES = {"width": 12, "hidden": 20, "depth": 2, "condition": 8}


def small(**sizes):
    denoiser = Denoiser(3, 5, generator=np.random.default_rng(0), **{**SIZES, **sizes})
    rng = np.random.default_rng(1)
    with no_grad():
        for parameter in denoiser.parameters():  # also those that start at 0
            parameter.copy_(rng.normal(0, 0.3, parameter.shape).astype(np.float32))
    return denoiser


def inputs(n=4):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((n, 3)).astype(np.float32)
    return x, rng.random(n).astype(np.float32), rng.integers(0, 6, n), rng.integers(0, N_CASES, n)


def test_an_untrained_denoiser_predicts_zero_whatever_it_is_told():
    denoiser = Denoiser(3, 5, **SIZES)

    assert np.all(denoiser(*inputs()).numpy() == 0)


@pytest.mark.parametrize("sizes", [{}, {"depth": 1}, {"width": 7, "hidden": 3, "condition": 5}])
def test_the_count_is_the_number_of_parameters(sizes):
    denoiser = small(**sizes)

    assert count_weights(3, 5, **{**SIZES, **sizes}) == sum(p.numel() for p in denoiser.parameters())


@pytest.mark.parametrize("changed", ["x", "t", "labels", "case"])
def test_every_input_changes_the_prediction_of_its_own_row_only(changed):
    denoiser = small()
    x, t, labels, case = inputs()
    before = denoiser(x, t, labels, case).numpy().copy()
    values = {"x": x.copy(), "t": t.copy(), "labels": labels.copy(), "case": case.copy()}
    if changed == "x":
        values["x"][1] += 1
    elif changed == "t":
        values["t"][1] = (t[1] + 0.5) % 1
    else:
        values[changed][1] = (values[changed][1] + 1) % (6 if changed == "labels" else N_CASES)

    after = denoiser(**values).numpy()

    assert np.abs(after[1] - before[1]).max() > 1e-3
    np.testing.assert_allclose(np.delete(after, 1, 0), np.delete(before, 1, 0), rtol=1e-5, atol=1e-6)


def test_one_modulation_serves_all_latents_of_a_condition():
    denoiser = small()
    x = inputs()[0]
    t, labels, case = np.full(4, 0.3, np.float32), np.full(4, 2), np.full(4, 1)

    shared = denoiser.denoise(x, denoiser.modulate(t[:1], labels[:1], case[:1])).numpy()

    np.testing.assert_allclose(shared, denoiser(x, t, labels, case).numpy(), rtol=1e-5, atol=1e-6)


def test_gradients_agree_with_differences():
    denoiser = small(width=4, hidden=5, condition=3).to(np.float64)
    x, t, labels, case = inputs(2)

    check_grads(lambda x: denoiser(x, t, labels, case), (x.astype(np.float64),))
