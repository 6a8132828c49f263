"""Collapse and lost balance, in numbers and as a picture."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import generative.recipes  # noqa: F401  # registers the model
import nets
from generative.errors import ModelError, SettingError
from generative.gan.diagnostics import CURVES, ModeCoverage, diversity_within, history, mode_coverage
from generative.gan.figures import COLUMNS, Run, load_run, plot_failures
from generative.image_model import save
from nets import models
from nets.metrics import append_metrics
from nets.training import METRICS_NAME


def rows(n=3):
    return [{"epoch": i + 1, "step": 10 * i, **dict.fromkeys(CURVES, 0.5 + i)} for i in range(n)]


def test_images_of_all_classes_equally_often_have_the_entropy_of_their_number():
    predictions = np.repeat(np.arange(10), 20)

    coverage = mode_coverage(np.zeros((200, 4, 4), np.float32), predictions, 10)

    assert coverage.reached == 10
    assert coverage.entropy == pytest.approx(math.log(10))
    assert coverage.effective == pytest.approx(10)


def test_a_collapsed_generator_has_one_class_and_no_entropy():
    coverage = mode_coverage(np.zeros((200, 4, 4), np.float32), np.full(200, 3), 10)

    assert (coverage.reached, coverage.entropy, coverage.effective) == (1, 0, 1)
    assert math.copysign(1, coverage.entropy) == 1
    assert coverage.diversity[3] == 0
    assert np.isnan(np.delete(coverage.diversity, 3)).all()


def test_a_class_of_less_than_a_hundredth_is_not_reached():
    shares = np.array([0.991, 0.009])

    assert ModeCoverage(shares=shares, diversity=np.zeros(2)).reached == 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_the_effective_number_of_classes_is_between_1_and_those_that_are_drawn(predictions):
    coverage = mode_coverage(np.zeros((len(predictions), 2, 2), np.float32), predictions, 5)

    assert coverage.shares.sum() == pytest.approx(1)
    assert 1 - 1e-9 <= coverage.effective <= len(set(predictions)) + 1e-9


@given(st.integers(2, 12), st.integers(0, 1000))
def test_diversity_is_the_mean_squared_distance_of_all_pairs(n, seed):
    images = np.random.default_rng(seed).random((n, 3, 3), np.float32)

    pairs = [float(((images[i] - images[j]) ** 2).sum()) for i in range(n) for j in range(i)]

    assert diversity_within(images) ** 2 == pytest.approx(np.mean(pairs), rel=1e-5)


@pytest.mark.parametrize(("n", "predictions"), [(0, []), (2, [0]), (1, [5])])
def test_predictions_that_do_not_fit_are_refused(n, predictions):
    with pytest.raises(SettingError):
        mode_coverage(np.zeros((n, 4, 4), np.float32), np.array(predictions, int), 5)


def test_the_history_has_a_value_an_epoch():
    curves = history(rows(4))

    assert curves.keys() == {"step", *CURVES}
    assert curves["step"].tolist() == [0, 10, 20, 30]
    assert curves["d_fake"].tolist() == [0.5, 1.5, 2.5, 3.5]


def test_the_metrics_of_another_model_have_no_such_history():
    with pytest.raises(SettingError, match=r"rows must be a GAN's metrics, .*there is no 'd_loss'"):
        history([{"epoch": 1, "step": 5, "loss": 0.1}])


# --- the picture ---


def run(n=16):
    images = np.random.default_rng(0).random((n, 4, 4), np.float32)
    return Run(title="healthy", rows=rows(), images=images, coverage=mode_coverage(images, np.arange(n) % 2, 2))


def test_the_picture_has_a_column_a_run():
    figure = plot_failures([run(), run(3), run(COLUMNS + 1)], "AB")

    assert isinstance(figure, Figure)
    assert len(figure.axes) == 12
    assert figure.axes[0].get_title() == "healthy"
    assert figure.axes[3].get_title() == "2 of 2 classes, entropy 0.69 of 0.69"
    heights = [bar.get_height() for bar in figure.axes[3].patches]
    np.testing.assert_allclose(heights, [50, 50])


def test_runs_side_by_side_have_one_scale():
    loud = [row | {"d_loss": 40.0} for row in rows()]
    axes = plot_failures([run(), replace(run(), rows=loud)], "AB").axes

    assert axes[6].get_ylim() == axes[7].get_ylim()
    assert axes[6].get_ylim()[1] > 40


def test_drawings_are_shown_in_their_order_with_dark_ink():
    shown = np.asarray(plot_failures([run(16)], "AB").axes[0].images[0].get_array())

    images = run(16).images
    assert shown.shape == (8, 32)
    np.testing.assert_allclose(shown[:4, 4:8], 1 - images[1])
    np.testing.assert_allclose(shown[4:, :4], 1 - images[8])


def test_no_runs_and_no_drawings_are_refused():
    with pytest.raises(SettingError, match="runs must be at least one"):
        plot_failures([], "AB")
    with pytest.raises(SettingError, match="each with drawings"):
        plot_failures([Run(title="", rows=rows(), images=run().images[:0], coverage=run().coverage)], "AB")


def test_a_run_is_loaded_with_its_curves_and_what_it_draws(tmp_path):
    nets.manual_seed(0)
    widths = {"generator_widths": [4], "discriminator_widths": [4]}
    save(models.build("gan", size=8, classes=["A", "B"], latent=2, **widths), tmp_path)
    for row in rows():
        append_metrics(tmp_path / METRICS_NAME, row)
    classifier = models.build("mlp", size=8, n_classes=2, hidden=[4])

    one, other = (load_run("mine", tmp_path, classifier, n=100, seed=3) for _ in range(2))

    assert one.title == "mine"
    assert one.rows == rows()
    assert one.images.shape == (64, 8, 8)
    assert one.coverage.shares.sum() == pytest.approx(1)
    np.testing.assert_array_equal(one.images, other.images)


def test_a_run_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match="no finished model"):
        load_run("mine", tmp_path, models.build("mlp"))
