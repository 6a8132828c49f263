"""Paths through a latent space: their ends, their straightness, and the pictures made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import generative.recipes  # noqa: F401  # registers the models
import nets
from generative.autoencoders.interpolation import choose_pairs, filmstrip, interpolate, mix_pixels, side_by_side
from generative.errors import SettingError
from nets import models
from nets.data import glyphs

LETTERS = glyphs(60, characters="AB", size=16, generator=0)


def build(name="autoencoder", **changed):
    nets.manual_seed(0)
    return models.build(name, size=16, classes=["A", "B"], **{"widths": [12], "latent": 4, **changed})


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_a_path_leads_from_one_reconstruction_to_the_other(name):
    model = build(name)
    starts, ends = choose_pairs(LETTERS, "A", "B", 3)

    paths = interpolate(model, starts, ends, n_frames=7)

    assert paths.shape == (3, 7, 16, 16)
    np.testing.assert_allclose(paths[:, 0], model.reconstruct(starts), rtol=1e-5)
    np.testing.assert_allclose(paths[:, -1], model.reconstruct(ends), rtol=1e-5)


def test_a_path_is_straight_in_the_latent_space():
    model = build()
    starts, ends = choose_pairs(LETTERS, "A", "B", 2)

    middle = interpolate(model, starts, ends, n_frames=3)[:, 1]

    halfway = (model.code(starts) + model.code(ends)) / 2
    np.testing.assert_allclose(middle, model.draw(halfway), rtol=1e-4, atol=1e-6)


def test_the_way_back_is_the_way_there_backwards():
    model = build()
    starts, ends = choose_pairs(LETTERS, "A", "B", 2)

    np.testing.assert_allclose(
        interpolate(model, starts, ends, 9), interpolate(model, ends, starts, 9)[:, ::-1], rtol=1e-3, atol=1e-6
    )


def test_a_path_has_a_hundred_frames_where_nothing_is_said():
    assert interpolate(build(), *choose_pairs(LETTERS, "A", "B", 1)).shape == (1, 100, 16, 16)


KNOWN = [{image.tobytes() for image in LETTERS.images[LETTERS.labels == label]} for label in (0, 1)]


@settings(max_examples=20)
@given(st.integers(1, 20), st.integers(0, 5))
def test_pairs_are_of_the_classes_that_were_asked_for_each_image_once(n, seed):
    starts, ends = choose_pairs(LETTERS, "A", "B", n, seed)

    for images, known in zip((starts, ends), KNOWN, strict=True):
        found = {np.rint(image * 255).astype(np.uint8).tobytes() for image in images}
        assert found <= known
        assert len(found) == n
    np.testing.assert_array_equal(starts, choose_pairs(LETTERS, "A", "B", n, seed)[0])


def test_a_mixture_of_pixels_fades_evenly():
    starts, ends = choose_pairs(LETTERS, "A", "B", 2)

    paths = mix_pixels(starts, ends, 5)

    np.testing.assert_array_equal(paths[:, 0], starts)
    np.testing.assert_array_equal(paths[:, -1], ends)
    np.testing.assert_allclose(paths[:, 1], 0.75 * starts + 0.25 * ends, atol=1e-6)


@pytest.mark.parametrize(
    ("names", "n", "words"),
    [(("A", "Z"), 1, "class must be one of A, B, got 'Z'"), (("A", "B"), 0, "pairs must be"), (("A", "B"), 31, "30")],
)
def test_pairs_that_there_are_not_are_refused(names, n, words):
    with pytest.raises(SettingError, match=words):
        choose_pairs(LETTERS, *names, n)


def test_paths_that_cannot_be_are_refused():
    starts, ends = choose_pairs(LETTERS, "A", "B", 2)

    with pytest.raises(SettingError, match="n_frames must be at least 2, got 1"):
        interpolate(build(), starts, ends, 1)
    with pytest.raises(SettingError, match=r"shape \(pairs, 16, 16\)"):
        interpolate(build(), starts, ends[:1])
    with pytest.raises(SettingError, match=r"shape \(pairs, 16, 16\)"):
        interpolate(build(), starts[:, :8], ends[:, :8])
    with pytest.raises(SettingError, match="model must not be conditional"):
        interpolate(build(conditional=True), starts, ends)


# --- pictures ---


def test_an_animation_shows_the_paths_beside_each_other(tmp_path):
    one, other = (
        np.zeros((5, 4, 4), np.float32),
        np.linspace(0, 1, 5, dtype=np.float32)[:, None, None] * np.ones((4, 4)),
    )

    frames = list(side_by_side([one, other], scale=3, gap=1))

    assert len(frames) == 5
    assert {frame.shape for frame in frames} == {(18, 33)}
    assert not frames[-1][:, :18].any()
    np.testing.assert_array_equal(frames[2][3:15, 18:30], 0.5)
    images = [Image.fromarray((255 * frame).astype(np.uint8)) for frame in frames]
    images[0].save(tmp_path / "path.gif", save_all=True, append_images=images[1:])
    with Image.open(tmp_path / "path.gif") as animation:
        assert (animation.n_frames, animation.size) == (5, (33, 18))


@pytest.mark.parametrize("paths", [[], [np.zeros((3, 4, 4)), np.zeros((2, 4, 4))]])
def test_paths_of_different_lengths_do_not_stand_beside_each_other(paths):
    with pytest.raises(SettingError, match="paths must be of one shape"):
        list(side_by_side(paths))


def test_a_filmstrip_begins_at_the_start_and_ends_at_the_end():
    path = np.arange(100, dtype=np.float32)[:, None, None] * np.ones((100, 2, 2), np.float32)

    strip = filmstrip(path, 4)

    np.testing.assert_array_equal(strip[0], np.repeat([0, 33, 66, 99], 2))
