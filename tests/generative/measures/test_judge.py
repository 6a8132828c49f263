import numpy as np
import pytest

import nets
from generative.errors import ModelError, SettingError
from generative.measures.judge import Judge, load_judge
from nets import models
from tests.generative.judging import CHARACTERS, judge, judge_model, letters


def test_it_reads_real_letters_it_never_saw():
    test = letters().test

    assert (judge()(test.images).guesses == test.labels).mean() > 0.9


def test_probabilities_are_the_softmax_of_the_whole_model():
    images = letters().test.images[:7]

    probabilities = judge().probabilities(images)

    scores = judge_model()(nets.data.as_float(images)).numpy().astype(np.float64)
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5, atol=1e-7)
    assert probabilities.dtype == np.float64


def test_features_are_those_of_the_second_last_fully_connected_layer_before_its_rectifier():
    images = letters().test.images[:7]
    layers = list(judge_model())
    assert isinstance(layers[-2], nets.Linear)

    features = judge().features(images)

    x = nets.Tensor(nets.data.as_float(images))
    for layer in layers[:-1]:
        x = layer(x)
    np.testing.assert_allclose(np.maximum(features, 0), x.numpy(), rtol=1e-5, atol=1e-6)
    assert (features < 0).mean() > 0.1
    assert features.dtype == np.float64
    assert features.shape == (7, 24)


def test_dropout_after_the_embedding_is_not_a_part_of_it_and_not_at_work():
    model = models.build("conv", size=16, n_classes=4, channels=[4], depth=[1], embedding=8)
    one = Judge(model, CHARACTERS, size=16)  # a model in training
    images = letters().test.images[:20]

    first, second = one(images), one(images)

    assert first.features.shape == (20, 8)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


def test_images_are_judged_one_by_one_whatever_is_beside_them(monkeypatch):
    images = letters().test.images[:11]
    whole = judge()(images)

    monkeypatch.setattr("generative.measures.judge.BATCH_SIZE", 4)

    np.testing.assert_allclose(judge()(images).features, whole.features, rtol=1e-5, atol=1e-6)


def test_bytes_and_brightness_are_the_same_images():
    images = letters().test.images[:5]

    np.testing.assert_array_equal(judge().features(images), judge().features(images.astype(np.float32) / 255))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 16, 15)), r"images must have the shape \(n, 16, 16\), got \(3, 16, 15\)"),
        (np.zeros((16, 16)), r"images must have the shape"),
        (np.full((2, 16, 16), np.nan), r"images must be finite numbers, got nan at \(0, 0, 0\)"),
        (np.full((2, 16, 16), 1.5), r"images must be in \[0, 1\], got values from 1.5 to 1.5"),
        (np.full((2, 16, 16), -0.5), r"images must be in \[0, 1\]"),
        (np.zeros((2, 16, 16), np.int64), r"images must be of uint8 or floats, got int64"),
        (np.zeros((0, 16, 16)), r"images must be at least one"),
    ],
)
def test_what_is_no_image_is_refused(images, message):
    with pytest.raises(SettingError, match=message):
        judge()(images)


def saved(folder, notes=None, **settings):
    model = models.build("mlp", **{"size": 16, "n_classes": 4, "hidden": [8, 6], **settings})
    nets.save(model, folder / "model.safetensors", notes=notes)
    return folder


def test_a_judge_knows_its_classes_and_its_own_accuracy(tmp_path):
    notes = {"data": "glyphs", "classes": list(CHARACTERS), "test": {"loss": 0.2, "accuracy": 0.95}}

    one = load_judge(saved(tmp_path, notes), classes=CHARACTERS, size=16)

    assert (one.classes, one.accuracy, one.size, one.data) == (("A", "B", "C", "D"), 0.95, 16, "glyphs")


def test_a_judge_that_was_never_tested_has_no_accuracy(tmp_path):
    assert load_judge(saved(tmp_path, {"classes": list(CHARACTERS)})).accuracy is None


def test_a_missing_judge_says_how_to_train_one(tmp_path):
    with pytest.raises(ModelError, match=r"no judge at .*missing; train one with: game2048 nets emnist --model judge"):
        load_judge(tmp_path / "missing")
    with pytest.raises(ModelError, match="no judge at"):
        load_judge(tmp_path)  # a run that is not finished


def test_a_judge_of_other_classes_or_images_is_refused(tmp_path):
    folder = saved(tmp_path, {"classes": list(CHARACTERS)})

    with pytest.raises(ModelError, match="judges the classes A, B, C, D, not 0, 1"):
        load_judge(folder, classes="01")
    with pytest.raises(ModelError, match="judges images of 16 x 16 pixels, not of 28 x 28"):
        load_judge(folder, size=28)


@pytest.mark.parametrize(
    ("notes", "settings", "message"),
    [
        (None, {}, "does not say which classes"),
        ({"classes": list("ABC")}, {}, "one output a class, got 4 for 3 classes"),
        ({"classes": list(CHARACTERS)}, {"hidden": []}, "a judge needs an embedding"),
    ],
)
def test_a_model_that_is_no_judge_is_refused(tmp_path, notes, settings, message):
    with pytest.raises(ModelError, match=message):
        load_judge(saved(tmp_path, notes, **settings))


def test_a_damaged_judge_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not a model")

    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_judge(tmp_path)
