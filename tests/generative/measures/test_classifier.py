"""A classifier says what images show, in chunks; entropy says how sure it is."""

import numpy as np
import pytest

import nets
from generative.measures.classifier import classify, entropy, probabilities
from nets import models


@pytest.fixture
def classifier():
    nets.manual_seed(0)
    return models.build("mlp", size=4, n_classes=3, hidden=[8], dropout=0.5)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((8, 4, 4), np.float32)


def test_classification_is_that_of_the_classifier_whatever_the_mode_and_number(classifier, images, monkeypatch):
    monkeypatch.setattr("generative.measures.classifier.CHUNK", 3)

    guesses = classify(classifier, images)

    np.testing.assert_array_equal(guesses, classifier.eval()(images[:, None]).numpy().argmax(1))
    assert guesses.dtype == np.int64
    assert classify(classifier, images[:0]).shape == (0,)


def test_probabilities_are_those_of_the_whole_whatever_the_chunk(classifier, images, monkeypatch):
    whole = probabilities(classifier, images)
    monkeypatch.setattr("generative.measures.classifier.CHUNK", 3)

    np.testing.assert_allclose(probabilities(classifier, images), whole, rtol=1e-6)
    np.testing.assert_allclose(whole.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(whole.argmax(1), classify(classifier, images))


def test_entropy_counts_the_classes_that_are_likely():
    assert np.exp(entropy(np.full(7, 1 / 7))) == pytest.approx(7)
    assert np.exp(entropy([0.5, 0.5, 0.0])) == pytest.approx(2)
    assert str(float(entropy([0.0, 1.0, 0.0]))) == "0.0"
