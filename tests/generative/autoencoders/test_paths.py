"""What is measured along a path, where the answer is known."""

import json

import numpy as np
import pytest

import generative.recipes  # noqa: F401  # registers the models
import nets
from generative.autoencoders.interpolation import choose_pairs, mix_pixels
from generative.autoencoders.paths import Mean, compare_paths, measure_paths, plot_paths
from generative.errors import SettingError
from nets import models
from nets.data import glyphs

N = 11


class Brightness(nets.Module):
    """Takes an image for class 1 with log odds of ``gain`` times (mean brightness - 1/2)."""

    def __init__(self, gain):
        self.gain = gain

    def forward(self, x):
        odds = self.gain * (x.mean((1, 2, 3)) - 0.5)
        return nets.cat([(odds * 0).reshape(-1, 1), odds.reshape(-1, 1)], 1)


def fade(n_pairs=2, size=4):
    starts, ends = np.zeros((n_pairs, size, size), np.float32), np.ones((n_pairs, size, size), np.float32)
    return mix_pixels(starts, ends, N), starts, ends


def test_a_fade_is_even_and_turns_over_once():
    figures = measure_paths(*fade(), Brightness(50.0))

    assert figures.mean("longest_step").value == pytest.approx(1, abs=1e-5)
    assert figures.mean("wavering").value == pytest.approx(1, abs=1e-6)
    assert figures.as_dict()["n_pairs"] == 2


def test_the_entropy_is_log_2_where_the_classifier_cannot_tell():
    figures = measure_paths(*fade(), Brightness(50.0))

    assert figures.mean("entropy_peak").value == pytest.approx(np.log(2), abs=1e-6)
    assert figures.entropy_curve.argmax() == N // 2
    assert figures.entropy_curve[0] == pytest.approx(0, abs=1e-6)
    assert figures.mean("entropy").value == pytest.approx(figures.entropy_curve.mean())


def test_a_jump_is_the_longest_step_and_leaves_no_frame_unclear():
    paths, starts, ends = fade()
    paths[:, : N // 2], paths[:, N // 2 :] = 0.0, 1.0

    figures = measure_paths(paths, starts, ends, Brightness(50.0))

    assert figures.mean("longest_step").value == pytest.approx(N - 1)  # all of the way in one of N - 1 steps
    assert figures.mean("entropy_peak").value == pytest.approx(0, abs=1e-6)
    assert not figures.unclear.any()


def test_a_detour_wavers():
    paths, starts, ends = fade()
    paths[:, 2], paths[:, 3] = 1.0, 0.0

    assert measure_paths(paths, starts, ends, Brightness(50.0)).mean("wavering").value == pytest.approx(3, abs=0.01)


def test_sharpness_is_relative_to_the_two_real_images():
    rng = np.random.default_rng(0)
    starts, ends = rng.random((2, 3, 4, 4)).astype(np.float32)
    paths = np.repeat(starts[:, None], N, 1)

    same = measure_paths(paths, starts, starts, Brightness(1.0))
    faint = measure_paths(0.5 * paths, starts, starts, Brightness(1.0))
    mixed = measure_paths(mix_pixels(starts, ends, N), starts, ends, Brightness(1.0))

    assert same.mean("sharpness") == pytest.approx(Mean(1.0, 0.0), abs=1e-6)
    assert faint.mean("sharpness_middle").value == pytest.approx(0.25, abs=1e-6)  # an energy
    assert mixed.mean("sharpness_middle").value < mixed.mean("sharpness").value < 1


def test_the_interval_is_of_the_mean_over_pairs():
    starts = np.ones((4, 3, 3), np.float32)
    paths = np.ones((4, N, 3, 3), np.float32) * np.sqrt(np.array([1, 2, 3, 4], np.float32))[:, None, None, None]

    sharpness = measure_paths(paths, starts, starts, Brightness(1.0)).mean("sharpness")

    assert sharpness.value == pytest.approx(2.5, rel=1e-5)
    assert sharpness.margin == pytest.approx(1.96 * np.std([1, 2, 3, 4], ddof=1) / 2, rel=1e-5)


def test_a_difference_is_of_the_same_pairs():
    starts = np.ones((4, 3, 3), np.float32)
    paths = np.ones((4, N, 3, 3), np.float32) * np.sqrt(np.array([1, 2, 3, 4], np.float32))[:, None, None, None]
    sharper = np.sqrt(paths**2 + 0.5)
    one, other = (measure_paths(given, starts, starts, Brightness(1.0)) for given in (sharper, paths))

    difference = one.difference(other, "sharpness")

    assert difference.value == pytest.approx(0.5, abs=1e-5)  # of energies
    assert difference.margin == pytest.approx(0, abs=1e-5)
    assert one.mean("sharpness").margin > 1


def test_frames_are_unclear_where_no_class_has_a_probability_of_nine_tenths():
    paths, starts, ends = fade()  # brightness 0, 0.1, ..., 1: log odds -5, -4, ..., 5, of which 3 and more are clear

    assert measure_paths(paths, starts, ends, Brightness(10.0)).mean("unclear").value == pytest.approx(5 / 11)


def test_figures_are_json():
    saved = json.loads(json.dumps(measure_paths(*fade(), Brightness(9.0)).as_dict()))

    assert saved["wavering"].keys() == {"value", "margin"}
    assert len(saved["entropy_curve"]) == N


def test_a_plot_has_a_line_a_model_on_both_axes():
    pyplot = pytest.importorskip("matplotlib.figure")
    axes = pyplot.Figure().subplots(1, 2)
    figures = measure_paths(*fade(), Brightness(9.0))

    plot_paths(axes, {"one": figures, "other": figures})

    assert [len(ax.get_lines()) for ax in axes] == [2, 2]
    np.testing.assert_array_equal(axes[1].get_lines()[0].get_ydata(), figures.entropy_curve)


def test_models_are_compared_on_the_same_pairs_and_with_a_cross_fade():
    letters = glyphs(40, characters="AB", size=16, generator=0)
    nets.manual_seed(0)
    model = models.build("autoencoder", size=16, widths=[8], latent=2)
    settings = {"first": "A", "second": "B", "n_pairs": 4, "n_frames": 5, "generator": 3}

    compared = compare_paths({"one": model, "twin": model}, letters, Brightness(9.0), **settings)

    assert list(compared) == ["one", "twin", "cross-fade"]
    assert compared["one"].as_dict() == compared["twin"].as_dict()
    starts, ends = choose_pairs(letters, "A", "B", 4, 3)
    faded = measure_paths(mix_pixels(starts, ends, 5), starts, ends, Brightness(9.0))
    assert compared["cross-fade"].as_dict() == faded.as_dict()


def test_images_that_do_not_belong_to_the_paths_are_refused():
    paths, starts, ends = fade()

    with pytest.raises(SettingError, match="do not fit"):
        measure_paths(paths, starts[:1], ends[:1], Brightness(1.0))
    with pytest.raises(SettingError, match="do not fit"):
        measure_paths(paths[:, :2], starts, ends, Brightness(1.0))
