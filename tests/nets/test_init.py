"""Initial weights: scales, and the common stream of random numbers."""

import math

import numpy as np
import pytest

import nets
from nets import init

SHAPES = [(300, 200), (60, 50, 3, 3)]
VARIANCES = {
    "lecun_uniform": lambda n_in, n_out: 1 / (3 * n_in),
    "nielsen": lambda n_in, n_out: 1 / n_in,
    "glorot_uniform": lambda n_in, n_out: 2 / (n_in + n_out),
    "glorot_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_uniform": lambda n_in, n_out: 2 / n_in,
    "he_normal": lambda n_in, n_out: 2 / n_in,
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", VARIANCES)
def test_initializers_have_the_variance_of_their_paper(name, shape):
    kernel = math.prod(shape[2:])

    w = init.named(name)(shape, np.random.default_rng(0))

    assert w.shape == shape
    assert w.mean() == pytest.approx(0, abs=5 * w.std() / math.sqrt(w.size))
    assert w.var() == pytest.approx(VARIANCES[name](shape[1] * kernel, shape[0] * kernel), rel=0.03)


@pytest.mark.parametrize("name", [name for name in VARIANCES if name.endswith("uniform")])
def test_uniform_initializers_stay_within_their_bounds(name):
    w = init.named(name)((300, 200), np.random.default_rng(0))

    bound = math.sqrt(3 * VARIANCES[name](200, 300))
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.99 * bound


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (4, 4), (3, 2, 2, 2)], ids=str)
def test_orthogonal_rows_or_columns(shape):
    w = init.orthogonal(shape, np.random.default_rng(0)).reshape(shape[0], -1)

    few = w if w.shape[0] <= w.shape[1] else w.T
    np.testing.assert_allclose(few @ few.T, np.eye(len(few)), atol=1e-12)


def test_orthogonal_matrices_have_no_preferred_signs():
    traces = [np.trace(init.orthogonal((2, 2), np.random.default_rng(i))) for i in range(400)]

    assert np.mean(traces) == pytest.approx(0, abs=0.2)


def test_zeros_constants_and_functions():
    rng = np.random.default_rng(0)

    assert not init.zeros((2, 3), rng).any()
    assert (init.constant(2.0)((2, 3), rng) == 2).all()
    assert (nets.Linear(3, 2, init=init.constant(0.5)).weight.numpy() == 0.5).all()
    assert (nets.Linear(3, 2, init="zeros").bias.numpy() == 0).all()


def test_unknown_names_and_vectors_are_refused():
    with pytest.raises(nets.ArgumentError, match=r"init must be one of lecun_uniform, .*, got 'xavier'"):
        init.named("xavier")
    with pytest.raises(nets.ArgumentError, match=r"at least two axes, .* got shape \(3,\)"):
        init.he_normal((3,), np.random.default_rng(0))


# --- the stream ---


def layers(**options):
    return [
        nets.Linear(3, 2, **options),
        nets.Conv2d(2, 3, 3, **options),
        nets.ConvTranspose2d(2, 3, 3, **options),
        nets.Embedding(3, 2, **options),
        nets.EmbeddingBag(3, 2, **options),
        nets.LSTM(3, 2, **options),
        nets.MultiheadAttention(4, 2, **options),
        nets.TransformerBlock(4, 2, **options),
    ]


def numbers(modules):
    return np.concatenate([p.numpy().ravel() for m in modules for p in m.parameters()])


def test_a_seed_decides_all_weights():
    nets.manual_seed(3)
    first = numbers(layers())
    nets.manual_seed(3)
    second = numbers(layers())
    nets.manual_seed(4)
    third = numbers(layers())

    assert (first == second).all()
    assert (first != third).any()


def test_a_generator_of_its_own_leaves_the_common_stream_alone():
    nets.manual_seed(3)
    state = nets.get_rng_state()

    first = numbers(layers(generator=np.random.default_rng(5)))
    second = numbers(layers(generator=np.random.default_rng(5)))

    assert (first == second).all()
    assert nets.get_rng_state() == state


def test_the_stream_goes_on_from_its_state():
    generator = nets.manual_seed(3)
    state = nets.get_rng_state()
    first = generator.random()

    nets.set_rng_state(state)

    assert generator.random() == first


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, None])
def test_seeds_are_non_negative_ints(seed):
    with pytest.raises(nets.ArgumentError, match="seed must be a non-negative int, got"):
        nets.manual_seed(seed)


def test_a_state_from_elsewhere_is_refused():
    for state in ({}, {"bit_generator": "MT19937"}, 3):
        with pytest.raises(nets.ArgumentError, match=r"state must come from get_rng_state\(\)"):
            nets.set_rng_state(state)
