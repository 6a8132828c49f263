"""Models by name."""

import json

import numpy as np
import pytest

import nets
from nets import models
from nets.errors import ArgumentError
from tests.nets.own_models import OWN


@pytest.mark.parametrize("name", OWN)
def test_every_model_maps_images_to_classes(name):
    model = models.build(name, n_classes=7, size=12)

    x = np.zeros((3, *models.input_shape(model.config)), np.float32)
    assert model(x).shape == (3, 7)


@pytest.mark.parametrize("name", OWN)
def test_a_configuration_survives_json_and_builds_the_same_model(name):
    model = models.build(name, generator=np.random.default_rng(1))

    twin = models.build_from(json.loads(json.dumps(model.config)), generator=np.random.default_rng(1))

    assert twin.config == model.config
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(twin.state_dict()[key], value)


def test_the_network_of_the_book_has_its_size():
    model = models.build("nielsen")

    assert [p.shape for p in model.parameters()] == [(100, 784), (100,), (10, 100), (10,)]


def test_dropout_is_left_out_where_it_does_nothing():
    assert not [m for m in models.build("mlp").modules() if isinstance(m, nets.Dropout)]
    assert [m for m in models.build("mlp", dropout=0.2).modules() if isinstance(m, nets.Dropout)]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("resnet", {}, "model must be one of nielsen, mlp, conv.*, got 'resnet'"),
        ("mlp", {"layers": 3}, "mlp has the settings size, n_classes, hidden, dropout, got layers"),
        ("mlp", {"hidden": [0]}, "every width must be an int from 1 to 65536, got 0"),
        ("mlp", {"size": 2.5}, "must be an int from 1 to 65536, got 2.5"),
        ("mlp", {"n_classes": True}, "n_classes must be an int from 1 to 65536, got True"),
        ("mlp", {"size": 257}, "every width must be an int from 1 to 65536, got 66049"),
        ("mlp", {"hidden": [1] * 65}, "hidden must have at most 64 layers, got 65"),
        ("conv", {"depth": [60000, 1, 1]}, "every depth must be an int from 1 to 64, got 60000"),
        ("conv", {"channels": [4]}, r"channels and depth must be of one length, got \[4\] and \[1, 2, 2\]"),
        ("conv", {"size": 3}, "size must be at least 4 for 3 stages, got 3"),
        ("conv", {"dropout": 1.0}, r"p must be in \[0, 1\), got 1.0"),
    ],
)
def test_a_wrong_setting_is_named(name, settings, message):
    with pytest.raises(ArgumentError, match=message):
        models.build(name, **settings)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("nielsen", {}),
        ("mlp", {}),
        ("mlp", {"hidden": [], "size": 5}),
        ("mlp", {"hidden": [3, 4, 5], "n_classes": 2, "dropout": 0.5}),
        ("conv", {}),
        ("conv", {"channels": [3, 5], "depth": [3, 1], "size": 13, "n_classes": 4}),
        ("conv", {"channels": [2], "depth": [1], "size": 1, "dropout": 0}),
    ],
)
def test_parameters_are_counted_without_building(name, settings):
    model = models.build(name, **settings)
    n = sum(parameter.numpy().size for parameter in model.parameters())

    assert models.count_parameters({"model": name, **settings}) == n
    assert models.count_parameters(model.config) == n


def test_a_model_without_a_count_has_none(monkeypatch):
    monkeypatch.setattr(models, "MODELS", dict(models.MODELS))
    models.register("same")(lambda *, generator=None: nets.Identity())

    assert models.count_parameters({"model": "same"}) == 0


def test_a_name_is_given_once():
    with pytest.raises(ArgumentError, match="name must be new, got 'mlp'"):
        models.register("mlp")(lambda *, generator=None: nets.Identity())
