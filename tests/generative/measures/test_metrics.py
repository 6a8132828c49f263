import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from generative.errors import SettingError
from generative.measures.calibration import blur, draw_of_each, first_of_each, repeat
from generative.measures.frechet import fit, frechet_distance
from generative.measures.metrics import (
    NEIGHBOURS,
    compare,
    describe,
    laplacian_energy,
    measure,
    reconstruction_error,
)
from tests.generative.judging import judge, letters
from tests.oracles import manifolds

PER_CLASS = 40


def real():
    return first_of_each(letters().test, PER_CLASS)


def made():
    """Images of the same kind, but others."""
    return first_of_each(letters().train, PER_CLASS)


def figures(images, labels):
    return measure(images, labels, *real(), judge())


# --- the Frechet distance ---


def points_of(mean, covariance, n, rng):
    """Points whose mean and covariance are exactly these."""
    x = rng.standard_normal((n, len(mean)))
    x -= x.mean(0)
    x = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(x, rowvar=False))), x.T)
    return (np.linalg.cholesky(covariance) @ x).T + mean


def random_covariance(d, rng):
    root = rng.standard_normal((d, d))
    return root @ root.T + 0.1 * np.eye(d)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_frechet_distance_is_that_of_the_closed_form(d, seed):
    rng = np.random.default_rng(seed)
    m, n = rng.standard_normal((2, d))
    c, e = random_covariance(d, rng), random_covariance(d, rng)

    found = frechet_distance(fit(points_of(m, c, 40, rng)), fit(points_of(n, e, 30, rng)))

    expected = np.square(m - n).sum() + np.trace(c + e - 2 * sqrtm(c @ e).real)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_in_one_dimension_it_is_the_distance_of_means_and_standard_deviations():
    """(m - n)^2 + (s - t)^2."""
    rng = np.random.default_rng(0)
    one = fit(points_of(np.array([1.0]), np.array([[4.0]]), 20, rng))
    other = fit(points_of(np.array([4.0]), np.array([[25.0]]), 20, rng))

    assert frechet_distance(one, other) == pytest.approx(3**2 + 3**2)


def test_covariances_of_low_rank_are_no_trouble():
    """Points on two lines at right angles: nothing in common, so all variances add up."""
    line = np.arange(5.0) - 2
    one, other = np.zeros((5, 200)), np.zeros((5, 200))
    one[:, 0], other[:, 1] = line, 2 * line

    assert frechet_distance(fit(one), fit(other)) == pytest.approx(2.5 + 10)
    assert frechet_distance(fit(one), fit(one)) == pytest.approx(0, abs=1e-12)


def test_one_point_has_no_covariance():
    with pytest.raises(SettingError, match="at least two"):
        fit(np.zeros((1, 3)))


# --- density, coverage, recall ---


@given(st.integers(NEIGHBOURS + 1, 12), st.floats(0.2, 3), st.integers(0, 2**32 - 1))
def test_density_coverage_and_recall_agree_with_their_naive_twin(n, scale, seed):
    rng = np.random.default_rng(seed)
    described = [describe(*draw_of_each(letters().test, n, rng), judge()) for _ in range(2)]
    shift = scale * rng.standard_normal(described[1].verdict.features.shape)
    described[1].verdict.features[:] += shift
    one, other = described

    found = compare(other, one)

    each = [
        manifolds.density_coverage_recall(x.tolist(), y.tolist(), NEIGHBOURS)
        for x, y in zip(one.by_class(), other.by_class(), strict=True)
    ]
    np.testing.assert_allclose([found.density, found.coverage, found.recall], np.mean(each, 0))


def test_a_set_covers_itself():
    itself = figures(*real())

    assert (itself.coverage, itself.recall) == (1, 1)
    assert itself.frechet == pytest.approx(0, abs=1e-9)
    assert (itself.diversity, itself.sharpness) == (1, 1)


def test_a_set_with_an_image_many_times_covers_itself_too():
    images, labels = real()
    images[:10] = images[0]

    assert measure(images, labels, images, labels, judge()).coverage == 1


def test_real_images_are_about_as_good_as_real():
    others = figures(*made())

    assert others.accuracy > 0.9
    assert others.coverage > 0.85
    assert others.recall > 0.8
    assert 0.8 < others.density < 1.2
    assert 0.85 < others.diversity < 1.15
    assert 0.9 < others.sharpness < 1.1


def test_repeated_images_are_read_well_but_cover_little():
    images, labels = made()

    few = figures(repeat(images, PER_CLASS, 2), labels)

    assert few.accuracy > 0.85
    assert few.coverage < 0.5
    assert few.recall == 0  # balls of images that are there twenty times have no size
    assert few.diversity < 0.9
    assert few.frechet > 3 * figures(images, labels).frechet


def test_blurred_images_are_less_sharp_and_further_away():
    images, labels = real()
    sharp, soft, softer = (figures(x, labels) for x in (images, blur(images, 0.7), blur(images, 1.5)))

    assert sharp.sharpness > 2 * soft.sharpness > 3 * softer.sharpness
    assert sharp.frechet + 0.1 < soft.frechet < softer.frechet - 1
    assert sharp.coverage > softer.coverage


def test_labels_in_the_wrong_place_lower_the_accuracy_to_chance():
    images, labels = made()

    shuffled = figures(images, np.random.default_rng(0).permutation(labels))

    assert 0.1 < shuffled.accuracy < 0.45
    assert shuffled.coverage < figures(images, labels).coverage


def test_one_class_that_looks_like_another_is_the_worst():
    images, labels = made()
    images[labels == 2] = images[labels == 0]

    wrong = figures(images, labels)

    assert (wrong.worst_class, wrong.worst_accuracy) == (2, wrong.class_accuracy[2])
    assert wrong.worst_accuracy < 0.2
    assert wrong.accuracy == pytest.approx(np.mean(wrong.class_accuracy))


def test_the_order_of_the_images_does_not_matter():
    images, labels = made()
    order = np.random.default_rng(0).permutation(len(labels))

    one, other = figures(images, labels), figures(images[order], labels[order])

    assert one.class_accuracy == other.class_accuracy
    assert one.coverage == other.coverage
    assert one.frechet == pytest.approx(other.frechet, rel=1e-6)


def test_equal_images_have_no_variety():
    images, labels = made()

    assert figures(repeat(images, PER_CLASS, 1), labels).diversity == 0


def test_blank_images_have_no_sharpness():
    images, labels = made()

    assert figures(np.zeros_like(images), labels).sharpness == 0


# --- what cannot be measured ---


def test_unequal_classes_are_refused():
    images, labels = made()

    with pytest.raises(SettingError, match="images must be equally many of each class, got 39 of A and 40 of B"):
        figures(images[1:], labels[1:])
    with pytest.raises(SettingError, match="reference_images must be equally many"):
        measure(images, labels, images[1:], labels[1:], judge())


def test_other_numbers_than_those_of_the_reference_are_refused():
    images, labels = first_of_each(letters().train, PER_CLASS + 1)

    with pytest.raises(SettingError, match="images must be as many as reference_images, got 4 x 41 and 4 x 40"):
        figures(images, labels)


def test_too_few_images_are_refused():
    with pytest.raises(SettingError, match="images must be at least 6 of each class, got 5"):
        figures(*first_of_each(letters().train, NEIGHBOURS))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "labels must be one an image, got 2 for 160 images"),
        ([4] * 160, r"labels must be in 0\.\.3, got 4\.\.4"),
        ([-1] * 160, r"labels must be in 0\.\.3"),
        ([0.5] * 160, "labels must be ints"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(SettingError, match=message):
        figures(made()[0], labels)


def test_invalid_images_are_refused_by_their_name():
    images, labels = made()
    images[3, 4, 5] = np.nan

    with pytest.raises(SettingError, match=r"^images must be finite numbers, got nan at \(3, "):
        figures(images, labels)
    with pytest.raises(SettingError, match="reference_images must be finite numbers"):
        measure(*made(), images, labels, judge())


# --- in pixels ---


def test_the_laplacian_of_one_point_of_ink():
    """4 in the middle and -1 on four sides: (16 + 4) over the pixels."""
    image = np.zeros((1, 5, 4))
    image[0, 2, 1] = 1

    assert laplacian_energy(image) == pytest.approx([20 / 20])


def test_paper_has_no_laplacian_energy():
    assert laplacian_energy(np.zeros((2, 3, 3))).tolist() == [0, 0]


def test_the_reconstruction_error_is_the_mean_square():
    assert reconstruction_error(np.zeros((2, 2, 2)), np.full((2, 2, 2), 0.5)) == 0.25
    with pytest.raises(SettingError, match="reconstructions must have the shape of the images"):
        reconstruction_error(np.zeros((2, 2, 2)), np.zeros((2, 2, 3)))


def test_figures_are_of_types_that_json_has():
    values = figures(*made()).as_dict()

    assert json.loads(json.dumps(values)) == values
    assert values["worst_accuracy"] == min(values["class_accuracy"])
