import json
from dataclasses import replace

import numpy as np
import pytest

from generative import recipes
from generative.errors import ModelError, SettingError
from generative.image_model import load
from generative.measures.calibration import first_of_each
from generative.measures.evaluate import evaluate, evaluate_images, read_images
from generative.measures.evaluation import Evaluation
from generative.measures.judge import Judge
from generative.measures.metrics import measure
from generative.training import train
from tests.generative.judging import CHARACTERS, judge, judge_model, letters

PER_CLASS = 30


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of three trained models: one that is told the class, one that is not, one that cannot draw."""
    folder = tmp_path_factory.mktemp("runs")
    names = {"told": ("vae", "conditional"), "untold": ("vae", "default"), "coder": ("ae", "default")}
    for name, (family, recipe) in names.items():
        known = recipes.find(family, recipe, "glyphs")
        settings = {**known.settings, "latent": 6, "widths": [48]}
        short = replace(known, settings=settings, steps=150, steps_per_epoch=50)
        train(short, letters().train, 0, folder=folder / name)
    return folder


@pytest.fixture(scope="module")
def told(runs):
    return evaluate(runs / "told", judge(), letters(), per_class=PER_CLASS, compare_with=[runs / "untold"])


def test_the_model_is_measured_as_the_metrics_measure_what_it_draws(runs, told):
    labels = np.repeat(np.arange(4), PER_CLASS)
    images = load(runs / "told").sample(labels, generator=np.random.default_rng(1))

    expected = measure(images, labels, *first_of_each(letters().test, PER_CLASS), judge())

    assert told.figures == expected
    assert told.rows[0].name == "vae conditional (told)"


def test_the_table_has_reconstructions_other_models_and_known_images(told):
    assert [(row.kind, row.name) for row in told.rows] == [
        ("model", "vae conditional (told)"),
        ("reconstruction", "reconstructed test images"),
        ("other", "vae default (untold), not told the class"),
        ("other", "vae default (untold): reconstructions"),
        ("calibration", "real training images"),
        ("calibration", "real, blurred, sigma 0.7"),
        ("calibration", "real, blurred, sigma 1.0"),
        ("calibration", "8 real images a class, repeated"),
    ]
    assert told.rows[1].figures.reconstruction_error > 0
    assert told.frechet_ratio(told.blurred) == 1


def test_the_confusions_count_every_image_once(told):
    assert told.confusions.sum(1).tolist() == [PER_CLASS] * 4
    np.testing.assert_allclose(np.diag(told.confusions) / PER_CLASS, told.figures.class_accuracy)


def test_the_worst_confusions_come_first():
    confused = evaluation_of([[5, 4, 1, 0], [0, 10, 0, 0], [3, 3, 4, 0], [0, 0, 0, 10]])

    assert confused.worst_confusions(0) == [("B", 0.4), ("C", 0.1)]
    assert confused.worst_confusions(2) == [("A", 0.3), ("B", 0.3)]
    assert confused.worst_confusions(1) == []


def evaluation_of(counts):
    return Evaluation(
        title="",
        rows=(),
        classes=tuple(CHARACTERS),
        per_class=10,
        seed=0,
        judge_data="",
        judge_accuracy=None,
        real_accuracy=(),
        what="samples",
        samples=np.zeros((4, 16, 16), np.float32),
        confusions=np.array(counts),
    )


def test_the_nearest_training_images_are_those_of_the_first_image_of_each_class(told):
    np.testing.assert_array_equal(told.neighbours.images, told.samples[::12])


def test_the_same_seed_gives_the_same_evaluation(runs, told):
    again = evaluate(runs / "told", judge(), letters(), per_class=PER_CLASS, compare_with=[runs / "untold"])
    other = evaluate(runs / "told", judge(), letters(), per_class=PER_CLASS, seed=2)

    assert again.rows == told.rows
    np.testing.assert_array_equal(again.samples, told.samples)
    assert other.figures != told.figures


def test_an_autoencoder_is_measured_by_what_it_gives_back(runs):
    coder = evaluate(runs / "coder", judge(), letters(), per_class=PER_CLASS)

    assert (coder.what, coder.conditional, coder.neighbours) == ("reconstructions", True, None)
    assert coder.rows[0].name == "ae default (coder): reconstructions"
    assert 0 < coder.figures.reconstruction_error < 0.1
    np.testing.assert_array_equal(coder.reconstructions, coder.samples[::12])


def test_a_model_that_is_not_told_the_class_says_so(runs):
    assert not evaluate(runs / "untold", judge(), letters(), per_class=PER_CLASS).conditional


def test_the_curves_are_those_of_the_run(told):
    assert [row["step"] for row in told.curves["vae conditional"]] == [50, 100, 150]


def test_all_but_the_images_goes_into_json(told):
    values = told.as_dict()

    assert json.loads(json.dumps(values, allow_nan=False))["frechet"] == told.figures.frechet
    assert values["accuracy"] == told.figures.accuracy
    assert values["recipe"]["name"] == "conditional"
    assert set(values["class_accuracy"]) == set(CHARACTERS)
    assert values["worst_class"] in CHARACTERS
    assert len(values["rows"]) == len(told.rows)


def test_a_missing_model_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ModelError, match="no model at"):
        evaluate(tmp_path / "missing", judge(), letters(), per_class=PER_CLASS)


def test_a_judge_of_other_letters_is_refused(runs):
    other = Judge(judge_model(), "WXYZ", size=16)

    with pytest.raises(SettingError, match="judge must be of the data's classes"):
        evaluate(runs / "told", other, letters(), per_class=PER_CLASS)


def test_more_images_than_there_are_to_measure_by_are_refused(runs):
    with pytest.raises(SettingError, match="per_class must be from 1 to 60, the images of A, got 61"):
        evaluate(runs / "told", judge(), letters(), per_class=61)


# --- images from a file ---


@pytest.fixture
def npz(tmp_path):
    images, labels = first_of_each(letters().train, PER_CLASS)
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    return tmp_path / "images.npz"


def test_images_from_a_file_are_measured_likewise(npz):
    real = evaluate_images(npz, judge(), letters(), compare_with=[npz])

    images, labels = read_images(npz)
    assert real.figures == measure(images, labels, *first_of_each(letters().test, PER_CLASS), judge())
    assert [row.name for row in real.rows[:2]] == ["images.npz", "images.npz"]
    assert real.rows[0].figures == real.rows[1].figures
    assert real.recipe is None


def test_training_images_are_found_to_be_copies(npz):
    assert evaluate_images(npz, judge(), letters()).copying < 1e-6


def test_fewer_images_of_a_file_are_its_first(npz):
    assert evaluate_images(npz, judge(), letters(), per_class=10).per_class == 10


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((40, 16, 16))}, "must be an .npz file with the arrays images and labels"),
        ({"images": np.zeros((40, 16, 16)), "labels": np.arange(39) % 4}, "labels must be one an image"),
        ({"images": np.full((40, 16, 16), np.nan), "labels": np.arange(40) % 4}, "images must be finite"),
        ({"images": np.zeros((40, 28, 28)), "labels": np.arange(40) % 4}, "images must have the shape"),
        ({"images": np.zeros((40, 16, 16)), "labels": np.zeros(40, int)}, "equally many of each class"),
        ({"images": np.array([None] * 40), "labels": np.zeros(40, int)}, "must be an .npz file"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "wrong.npz", **arrays)

    with pytest.raises(SettingError, match=message):
        evaluate_images(tmp_path / "wrong.npz", judge(), letters())


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("not an archive")
    np.save(tmp_path / "array.npy", np.zeros(3))

    with pytest.raises(SettingError, match="no images at"):
        read_images(tmp_path / "missing.npz")
    for name in ("text.npz", "array.npy"):
        with pytest.raises(SettingError, match=r"must be an \.npz file"):
            read_images(tmp_path / name)


@pytest.mark.parametrize("damage", ["half of it", "a header", "what is compressed"])
def test_a_damaged_archive_is_refused(tmp_path, damage):
    path = tmp_path / "damaged.npz"
    np.savez(path, images=np.zeros((40, 16, 16), np.float32), labels=np.arange(40) % 4)
    content = path.read_bytes()
    if damage == "half of it":
        content = content[: len(content) // 2]
    elif damage == "a header":
        content = content.replace(b"'descr'", b"('descr", 1)
    else:
        np.savez_compressed(path, images=np.random.default_rng(0).random((40, 16, 16)), labels=np.arange(40) % 4)
        content = path.read_bytes()
        content = content[:100] + bytes(100) + content[200:]
    path.write_bytes(content)

    with pytest.raises(SettingError, match=r"damaged\.npz must be an \.npz file"):
        read_images(path)
