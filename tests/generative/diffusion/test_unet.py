"""The U-Net: shapes, what it depends on, gradients, and that it learns."""

import numpy as np
import pytest

import nets
from generative.diffusion import unet
from generative.diffusion.unet import Block, UNet, to_channels, to_pixels
from generative.errors import SettingError
from nets import functional as F
from nets.testing import check_layer, overfits_one_batch

SMALL = {"channels": (8, 16), "blocks": (1, 2), "condition": 8}


def build(size=8, n_classes=3, seed=0, **settings):
    return UNet(size, n_classes, **{**SMALL, **settings}, generator=np.random.default_rng(seed))


def wake(model, seed=0):
    """Give the layers that start at 0 something to say."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        if not parameter.data.any():
            parameter.data[...] = 0.1 * rng.standard_normal(parameter.shape)
    return model


def images(n=2, size=8, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 1, size, size)).astype(np.float32)


@pytest.mark.parametrize("size", [4, 8, 28])
@pytest.mark.parametrize("blocks", [(1, 1), (2, 3)])
def test_what_comes_out_has_the_shape_of_what_went_in(size, blocks):
    y = build(size, blocks=blocks)(images(3, size), [0.0, 0.5, 1.0], [0, 1, 3])

    assert y.shape == (3, 1, size, size)


def test_at_first_it_predicts_zero():
    assert not build()(images(), [0.1, 0.9], [0, 1]).numpy().any()


def test_it_depends_on_image_time_and_class():
    model = wake(build())
    y = model(images(), [0.5, 0.5], [0, 1]).numpy()

    for other in [(images(seed=1), [0.5, 0.5], [0, 1]), (images(), [0.5, 0.6], [0, 1]), (images(), [0.5, 0.5], [0, 3])]:
        assert np.abs(model(*other).numpy() - y)[1].max() > 1e-4


def test_examples_do_not_see_one_another():
    model, x = wake(build()), images(3)

    together = model(x, [0.1, 0.5, 0.9], [0, 1, 2]).numpy()

    for i, t in enumerate((0.1, 0.5, 0.9)):
        np.testing.assert_allclose(model(x[i : i + 1], [t], [i]).numpy(), together[i : i + 1], atol=1e-5)


def test_a_pixel_is_reached_from_everywhere_in_the_image():
    model, x = wake(build(28, blocks=(1, 4))), images(1, 28)
    y = model(x, [0.5], [0]).numpy()

    x[0, 0, 0, 0] += 10
    change = np.abs(model(x, [0.5], [0]).numpy() - y)

    assert (change > 0).all()


def test_pixels_and_channels_are_each_others_inverse():
    x = np.arange(2 * 36.0).reshape(2, 1, 6, 6)

    channels = to_channels(nets.Tensor(x))

    assert channels.shape == (2, 4, 3, 3)
    np.testing.assert_array_equal(channels.numpy()[0, :, 1, 2], x[0, 0, 2:4, 4:6].ravel())
    np.testing.assert_array_equal(to_pixels(channels).numpy(), x)


def test_gradients_of_a_block():
    block = wake(Block(8, 5, np.random.default_rng(0)))
    rng = np.random.default_rng(1)

    check_layer(block, rng.standard_normal((2, 8, 3, 3)), rng.standard_normal((2, 5)))


def test_it_learns_one_batch_by_heart():
    rng = np.random.default_rng(0)
    x = (images(4), np.array([0.1, 0.4, 0.7, 0.9]), np.arange(4))

    overfits_one_batch(build(), F.mse_loss, x, rng.standard_normal((4, 1, 8, 8)).astype(np.float32), steps=150)


@pytest.mark.parametrize(
    "settings", [{}, {"size": 28, "n_classes": 10, "channels": (32, 64), "blocks": (2, 4), "condition": 128}]
)
def test_parameters_are_counted_without_building(settings):
    full = {"size": 8, "n_classes": 3, **SMALL, **settings}

    built = sum(parameter.numel() for parameter in UNet(**full).parameters())

    assert unet.count(**full) == built


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 30}, "size must be a multiple of 4, got 30"),
        ({"size": 0}, "size must be a multiple of 4, got 0"),
        ({"n_classes": 0}, "must be at least 1"),
        ({"condition": 0}, "must be at least 1"),
        ({"channels": (8,)}, "channels must be two multiples of 8"),
        ({"channels": (8, 12)}, "channels must be two multiples of 8"),
        ({"blocks": (0, 1)}, "blocks must be two numbers from 1 to 64"),
        ({"blocks": (1, 65)}, "blocks must be two numbers from 1 to 64"),
    ],
)
def test_settings_that_break_a_rule_are_errors(settings, message):
    with pytest.raises(SettingError, match=message):
        build(**settings)
