"""Recipes: their rules, how many steps they take, and that they come back from settings.json as they were."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generative import recipes
from generative.errors import ModelError, SettingError
from generative.recipe import SETTINGS_NAME, Recipe, read_settings, write_settings

VAE = Recipe(
    family="vae",
    name="toy",
    data="glyphs",
    model="vae",
    settings={"latent": 3, "widths": [12]},
    steps=12,
    steps_per_epoch=4,
    batch_size=8,
    warmup=2,
    ema=0.9,
    max_grad_norm=10.0,
)


@given(st.integers(1, 100_000), st.integers(1, 3_000))
def test_a_recipe_takes_at_least_the_steps_that_were_asked_and_less_than_an_epoch_count_more(steps, per_epoch):
    recipe = replace(VAE, steps=steps, steps_per_epoch=per_epoch)

    taken = recipe.epochs * recipe.epoch_steps

    assert steps <= taken < steps + recipe.epochs
    assert recipe.epoch_steps < 2 * max(per_epoch, steps if steps < per_epoch else 0) + 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a positive int, got 0"),
        ({"steps": "9"}, "steps must be a positive int, got '9'"),
        ({"steps_per_epoch": None}, "steps_per_epoch must be a positive int, got None"),
        ({"batch_size": 1.5}, r"batch_size must be a positive int, got 1\.5"),
        ({"optimizer": "lion"}, "optimizer must be sgd, adam or adamw, got 'lion'"),
        ({"schedule": "linear"}, "schedule must be constant or cosine, got 'linear'"),
        ({"warmup": -1}, "warmup must be an int of at least 0, got -1"),
        ({"family": None}, "family must be a str, got None"),
        ({"settings": [1]}, r"settings must be a dict, got \[1\]"),
        ({"objective": "beta"}, "objective must be a dict, got 'beta'"),
        ({"balanced": 1}, "balanced must be a bool, got 1"),
        ({"lr": "0.1"}, "lr must be positive and finite, got '0.1'"),
        ({"lr": float("nan")}, "lr must be positive and finite, got nan"),
        ({"betas": (0.9, 1.0)}, r"betas must be two numbers in \[0, 1\), got \(0\.9, 1\.0\)"),
        ({"weight_decay": float("inf")}, "weight_decay must be finite and not negative, got inf"),
        ({"ema": 1.0}, r"ema must be None or a number in \[0, 1\), got 1\.0"),
        ({"max_grad_norm": 0}, "max_grad_norm must be positive, got 0"),
        ({"autoencoder": {}}, r"autoencoder must be None or a Recipe, got \{\}"),
    ],
)
def test_a_recipe_that_breaks_a_rule_is_refused(changes, message):
    with pytest.raises(SettingError, match=message):
        replace(VAE, **changes)


# --- settings ---


@pytest.mark.parametrize("recipe", [VAE, *recipes.ALL], ids=lambda r: f"{r.family}-{r.name}-{r.data}")
def test_settings_come_back_as_they_were(tmp_path, recipe):
    write_settings(tmp_path, recipe, 5)

    again, seed = read_settings(tmp_path)

    assert (again.to_dict(), seed) == (recipe.to_dict(), 5)
    assert again.max_grad_norm == recipe.max_grad_norm
    assert again.betas == recipe.betas


def test_settings_are_json_that_others_can_read(tmp_path):
    write_settings(tmp_path, replace(VAE, max_grad_norm=float("inf")), 0)

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    saved = json.loads((tmp_path / SETTINGS_NAME).read_text(), parse_constant=refuse)

    assert saved["recipe"]["max_grad_norm"] is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda saved: "",
        lambda saved: "{",
        lambda saved: "[]",
        lambda saved: "null",
        lambda saved: {"recipe": saved["recipe"]},
        lambda saved: {**saved, "seed": "zero"},
        lambda saved: {**saved, "seed": float("inf")},
        lambda saved: "[" * 100_000,
        lambda saved: {**saved, "recipe": 3},
        lambda saved: {**saved, "recipe": {**saved["recipe"], "depth": 3}},
        lambda saved: {**saved, "recipe": {**saved["recipe"], "steps": "many"}},
        lambda saved: {**saved, "recipe": {**saved["recipe"], "betas": None}},
        lambda saved: {**saved, "recipe": {**saved["recipe"], "autoencoder": "vae"}},
        lambda saved: {**saved, "recipe": {k: v for k, v in saved["recipe"].items() if k != "model"}},
    ],
)
def test_damaged_settings_are_named(tmp_path, damage):
    write_settings(tmp_path, VAE, 0)
    path = tmp_path / SETTINGS_NAME
    damaged = damage(json.loads(path.read_text()))
    path.write_text(damaged if isinstance(damaged, str) else json.dumps(damaged))

    with pytest.raises(ModelError, match=r"settings\.json is damaged"):
        read_settings(tmp_path)


def test_settings_that_are_no_text_are_damaged(tmp_path):
    (tmp_path / SETTINGS_NAME).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ModelError, match="is damaged"):
        read_settings(tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no run in .*missing: there is no settings\.json"):
        read_settings(tmp_path / "missing")
