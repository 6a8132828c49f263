"""Encoders and decoders: the way in and the way back, sizes, and the class as a condition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nets
from generative.autoencoders.networks import Decoder, Encoder, Shape, one_hot
from generative.errors import SettingError
from nets import Tensor
from nets.testing import check_layer

SHAPES = [
    Shape(size=8, latent=3, widths=(6, 5), architecture="dense"),
    Shape(size=8, latent=3, widths=(2, 4, 6), architecture="conv"),
    Shape(size=8, latent=3, widths=(2, 6), architecture="conv", n_conditions=4),
    Shape(size=7, latent=2, widths=(5,), architecture="conv"),  # no convolution, a single fully connected layer
]


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def condition(shape, n):
    return [np.eye(shape.n_conditions)[np.arange(n) % shape.n_conditions]] if shape.n_conditions else []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_decoder_goes_the_way_of_the_encoder_back(shape):
    images = Tensor(np.zeros((5, 1, shape.size, shape.size), np.float32))
    given_class = [Tensor(array, dtype=np.float32) for array in condition(shape, 5)]

    codes = Encoder(shape, shape.latent)(images, *given_class)

    assert codes.shape == (5, shape.latent)
    assert Decoder(shape)(codes, *given_class).shape == images.shape


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_agree_with_differences(shape):
    nets.manual_seed(1)
    rng = np.random.default_rng(2)
    given_class = condition(shape, 2)

    check_layer(Encoder(shape, 4), rng.random((2, 1, shape.size, shape.size)), *given_class, max_elements=20)
    check_layer(Decoder(shape), rng.standard_normal((2, shape.latent)), *given_class, max_elements=20)


@given(
    architecture=st.sampled_from(["dense", "conv"]),
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    latent=st.integers(1, 4),
    n_conditions=st.integers(0, 3),
)
def test_parameters_are_counted_without_building(architecture, widths, latent, n_conditions):
    shape = Shape(size=8, latent=latent, widths=widths, architecture=architecture, n_conditions=n_conditions)

    assert count(Encoder(shape, 2 * latent)) == shape.count_encoder(2 * latent)
    assert count(Decoder(shape)) == shape.count_decoder()


def test_the_condition_changes_the_outputs():
    shape = SHAPES[2]
    nets.manual_seed(3)
    encoder, decoder = Encoder(shape, shape.latent), Decoder(shape)
    image, code = Tensor(np.ones((1, 1, 8, 8), np.float32)), Tensor(np.ones((1, 3), np.float32))
    a, b = (one_hot(np.array([label]), 4, code) for label in (0, 3))

    assert not np.allclose(encoder(image, a).numpy(), encoder(image, b).numpy())
    assert not np.allclose(decoder(code, a).numpy(), decoder(code, b).numpy())


def test_one_hot_vectors_take_the_dtype_of_their_neighbour():
    vectors = one_hot(np.array([2, 0]), 3, Tensor(np.zeros((2, 1)), dtype=np.float64))

    assert vectors.dtype == np.float64
    np.testing.assert_array_equal(vectors.numpy(), [[0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"latent": 0}, "latent must be an int from 1"),
        ({"latent": True}, "latent must be an int from 1"),
        ({"widths": ()}, "widths must be 1 to 16 ints, got 0"),
        ({"widths": (4, -1)}, "every width must be an int from 1"),
        ({"widths": (2**40,)}, "every width must be an int from 1"),
        ({"architecture": "resnet"}, "got 'resnet'"),
        (
            {"architecture": "conv", "size": 10, "widths": (2, 2, 4)},
            "size must be a multiple of 4 to be halved, got 10",
        ),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, words):
    with pytest.raises(SettingError, match=words):
        Shape(**{"size": 8, "latent": 3, "widths": (4,), "architecture": "dense", **settings})
