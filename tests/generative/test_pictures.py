"""Sheets of images: everything is where it should be, and nothing else is."""

import numpy as np
import pytest
from PIL import Image

from generative import pictures
from generative.autoencoders.vae import vae
from generative.diffusion.schedules import get as schedule
from generative.errors import SettingError
from generative.pictures import (
    GAP,
    class_sheet,
    decode_noisy,
    denoising_strip,
    grid,
    inputs_and_outputs,
    noising_strip,
    write_image,
)
from tests.generative.drawn_letters import DenoisedLetters

IMAGES = DenoisedLetters().images[:26, 0]


def tile(sheet, row, column, *, scale=2, size=28, left=0, top=0):
    """Return one image of a sheet, as it went in."""
    y, x = top + GAP + row * (size * scale + GAP), left + GAP + column * (size * scale + GAP)
    return sheet[y : y + size * scale : scale, x : x + size * scale : scale]


def as_pixels(images):
    return np.rint(255 * images).astype(np.uint8)


def test_images_are_in_rows_and_columns():
    sheet = grid(IMAGES[:6].reshape(2, 3, 28, 28))

    assert sheet.shape == (GAP + 2 * (56 + GAP), GAP + 3 * (56 + GAP))
    for i in range(6):
        np.testing.assert_array_equal(tile(sheet, i // 3, i % 3), as_pixels(IMAGES[i]))
    assert not sheet[:GAP].any()
    assert not sheet[:, :GAP].any()


def test_captions_leave_the_images_as_they_are():
    images = IMAGES[:6].reshape(2, 3, 28, 28)

    sheet = grid(images, rows=["one", "two"], columns=list("abc"), title="What this shows")

    plain = grid(images)
    np.testing.assert_array_equal(sheet[-plain.shape[0] :, -plain.shape[1] :], plain)
    assert sheet[: -plain.shape[0]].any()
    assert sheet[-plain.shape[0] :, : -plain.shape[1]].any()


def test_what_is_brighter_than_ink_is_ink():
    assert grid(np.full((1, 1, 3, 3), 2.0), scale=1).max() == 255


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": np.zeros((2, 28, 28))}, "must have the shape"),
        ({"images": np.zeros((0, 3, 28, 28))}, "must have the shape"),
        ({"images": np.zeros((1, 3, 28, 28)), "columns": ["a"]}, "columns must be 3 captions, got 1"),
        ({"images": np.zeros((1, 3, 28, 28)), "scale": 0}, "scale must be at least 1, got 0"),
    ],
)
def test_what_makes_no_sheet_is_an_error(options, message):
    with pytest.raises(SettingError, match=message):
        grid(options.pop("images"), **options)


def test_a_class_sheet_has_a_row_for_each_class_there_is():
    sheet = class_sheet(IMAGES[[2, 0, 2]], [2, 0, 2], "ABC", per_class=2)

    plain = grid(np.stack([[IMAGES[0], np.zeros((28, 28))], [IMAGES[2], IMAGES[2]]]))
    np.testing.assert_array_equal(sheet[:, -plain.shape[1] :], plain)


def test_a_class_sheet_needs_a_label_for_each_image():
    with pytest.raises(SettingError, match="one an image, got 1 for 2 images"):
        class_sheet(IMAGES[:2], [0], "AB")


def test_inputs_are_above_their_outputs():
    sheet = inputs_and_outputs(IMAGES[:5], 1 - IMAGES[:5], columns=2)

    body = sheet[:, -(GAP + 2 * (56 + GAP)) :]
    assert body.shape[0] == GAP + 4 * (56 + GAP)
    for i in range(4):
        np.testing.assert_array_equal(tile(body, 2 * (i // 2), i % 2), as_pixels(IMAGES[i]))
        np.testing.assert_array_equal(tile(body, 2 * (i // 2) + 1, i % 2), as_pixels(1 - IMAGES[i]))


def test_a_denoising_strip_ends_with_the_image():
    steps = list(DenoisedLetters().sample_steps([0, 1], generator=np.random.default_rng(0)))

    body = denoising_strip(steps, n=4)[-(GAP + 2 * (56 + GAP)) :]

    for row in range(2):
        np.testing.assert_array_equal(tile(body, row, 3), as_pixels(steps[-1][row]))
        np.testing.assert_array_equal(tile(body, row, 0), as_pixels(steps[0][row]))
    with pytest.raises(SettingError, match="at least one"):
        denoising_strip([])


def test_a_noising_strip_goes_from_the_image_to_noise():
    flow = schedule("flow")

    strip = noising_strip(IMAGES[:2], flow, [0.0, 0.5, 1.0], generator=np.random.default_rng(0))

    body = strip[-(GAP + 2 * (56 + GAP)) :]
    np.testing.assert_array_equal(tile(body, 0, 0), as_pixels(IMAGES[0]))
    likeness = [np.corrcoef(tile(body, 0, k).ravel(), IMAGES[0].ravel())[0, 1] for k in range(3)]
    assert likeness[0] > likeness[1] > likeness[2]
    assert abs(likeness[2]) < 0.1


def test_without_noise_codes_decode_to_reconstructions():
    model = vae(classes=["A"], latent=3, widths=[16], generator=np.random.default_rng(0))

    decoded = decode_noisy(model, IMAGES[:4], [0.0, 1.0, 4.0], generator=np.random.default_rng(1))

    assert decoded.shape == (4, 3, 28, 28)
    np.testing.assert_allclose(decoded[:, 0], model.reconstruct(IMAGES[:4]), atol=1e-6)
    away = np.abs(decoded - decoded[:, :1]).mean((0, 2, 3))
    assert 0 == away[0] < away[1] < away[2]


def test_a_sheet_becomes_a_png(tmp_path):
    sheet = grid(IMAGES[:2][None])

    write_image(sheet, tmp_path / "a.png")

    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(255 - np.asarray(image.convert("L")), sheet)
    with pytest.raises(SettingError, match=r"must end in \.png, got 'a.gif'"):
        write_image(sheet, tmp_path / "a.gif")


def test_captions_that_do_not_fit_are_thinned_out():
    wide = [f"{k}.0000000" for k in range(6)]

    sheet = grid(np.zeros((1, 6, 8, 8)), columns=wide)

    assert sheet.any()
    assert sheet.shape[1] == pictures.GAP + 6 * (16 + pictures.GAP)


@pytest.mark.parametrize(
    ("shapes", "columns"), [(((3, 4, 4), (2, 4, 4)), 2), (((4, 4), (4, 4)), 2), ([(2, 4, 4)] * 2, 0)]
)
def test_inputs_and_outputs_must_fit_each_other(shapes, columns):
    one, other = map(np.zeros, shapes)

    with pytest.raises(SettingError, match=r"inputs and outputs must have one shape \(n, height, width\)"):
        inputs_and_outputs(one, other, columns=columns)
