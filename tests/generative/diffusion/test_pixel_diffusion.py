"""Diffusion of pixels: from recipe to images, repeatable bit for bit."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nets
from generative.errors import SettingError
from generative.image_model import load, save
from generative.recipe import Recipe
from generative.recipes.pixel_diffusion import RECIPES
from generative.training import OBJECTIVES, train
from nets import models
from nets.data import glyphs, load_mnist
from nets.training import CHECKPOINT_NAME

SMALL = {"channels": [8, 16], "blocks": [1, 1], "condition": 16, "steps": 3}
TOY = Recipe(
    family="diffusion",
    name="toy",
    data="glyphs",
    model="pixel-diffusion",
    settings=SMALL,
    steps=20,
    steps_per_epoch=5,
    batch_size=16,
    lr=1e-2,
    warmup=2,
    ema=0.9,
)


def build(seed=0, **settings):
    nets.manual_seed(seed)
    return models.build("pixel-diffusion", size=8, classes=list("ABC"), **{**SMALL, **settings})


def awake(**settings):
    """A model that says something: its last layer starts at 0 in training."""
    model, rng = build(**settings), np.random.default_rng(1)
    for parameter in model.parameters():
        if not parameter.data.any():
            parameter.data[...] = 0.1 * rng.standard_normal(parameter.shape)
    return model.eval()


def letters(n=60):
    return glyphs(n, generator=1, characters="ABC", size=8)


def weights(model):
    return np.concatenate([value.ravel() for value in model.state_dict().values()])


# --- sampling ---


def test_images_are_of_the_promised_kind():
    images = awake().sample([0, 1, 2, 1], generator=np.random.default_rng(0))

    assert images.shape == (4, 8, 8)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "euler", "heun", "dpm_solver_2m"])
@pytest.mark.parametrize(("schedule", "parametrization"), [("flow", "flow"), ("cosine", "v"), ("linear", "epsilon")])
def test_the_same_seed_gives_the_same_images(sampler, schedule, parametrization):
    model = awake(sampler=sampler, schedule=schedule, parametrization=parametrization)

    one, other, third = (model.sample([0, 1], generator=np.random.default_rng(seed)) for seed in (0, 0, 1))

    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)
    assert np.isfinite(one).all()


def test_the_common_stream_of_random_numbers_is_left_alone():
    model, before = awake(), nets.get_rng_state()

    model.sample([0], generator=np.random.default_rng(0))

    assert nets.get_rng_state() == before


def test_a_saved_model_draws_the_same_images(tmp_path):
    model = awake(guidance=2.0, interval=[0.1, 0.9])
    save(model, tmp_path)

    twin = load(tmp_path)

    assert twin.config == model.config
    one, other = (m.sample([0, 2], generator=np.random.default_rng(0)) for m in (model, twin))
    np.testing.assert_array_equal(one, other)


def test_guidance_changes_images_and_one_is_none_of_it():
    with_two, with_one, none = (awake(guidance=scale) for scale in (2.0, 1.0, 2.0))
    none.interval = (0.0, 0.0)  # no sampler asks at t = 0

    strong, plain, outside = (m.sample([0, 1], generator=np.random.default_rng(0)) for m in (with_two, with_one, none))

    assert np.abs(strong - plain).max() > 1e-3
    np.testing.assert_array_equal(outside, plain)
    asked = with_two.sample([0, 1], generator=np.random.default_rng(0), guidance=1.0)
    np.testing.assert_array_equal(asked, plain)


def test_the_states_on_the_way_end_in_the_sample():
    model = awake()

    *states, last = model.sample_steps([0, 1], generator=np.random.default_rng(0), steps=5)

    assert len(states) == 4
    np.testing.assert_array_equal(last, model.sample([0, 1], generator=np.random.default_rng(0), steps=5))


def test_many_images_are_drawn_in_parts(monkeypatch):
    model, labels = awake(), np.arange(7) % 3
    whole = model.sample(labels, generator=np.random.default_rng(0))
    assert model.chunk > 7

    monkeypatch.setattr(type(model), "chunk", 3)

    np.testing.assert_allclose(model.sample(labels, generator=np.random.default_rng(0)), whole, atol=1e-5)


def test_no_labels_no_images():
    assert awake().sample([], generator=np.random.default_rng(0)).shape == (0, 8, 8)


def test_values_become_brightness():
    np.testing.assert_array_equal(
        awake().to_images(np.float32([[[[-2.0, -1.0, 0.0, 1.0, 2.0]]]])), [[[0, 0, 0.5, 1, 1]]]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [3]}, r"labels must be in 0\.\.2"),
        ({"labels": [0.5]}, "labels must be ints"),
        ({"labels": [0, 1], "case": [0]}, "case must have one value a label, got 1 for 2"),
        ({"labels": [0], "case": [3]}, r"case must be in 0\.\.2"),
        ({"labels": [0], "steps": 0}, r"steps must be in 1\.\.1000, got 0"),
        ({"labels": [0], "guidance": -1.0}, "guidance must be finite and not negative"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(arguments, message):
    with pytest.raises(SettingError, match=message):
        build().sample(**arguments, generator=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "square"}, "schedule must be one of"),
        ({"sampler": "plms"}, "sampler must be one of"),
        ({"parametrization": "score"}, "parametrization must be one of"),
        ({"steps": 0}, "steps must be in"),
        ({"guidance": float("nan")}, "guidance must be"),
        ({"interval": [0.9, 0.1]}, "interval must be"),
        ({"start": 0.0}, "times must satisfy"),
        ({"schedule": "cosine", "parametrization": "epsilon"}, "epsilon cannot be converted where alpha = 0"),
    ],
)
def test_settings_that_break_a_rule_are_errors_at_once(settings, message):
    with pytest.raises(SettingError, match=message):
        build(**settings)


# --- training ---


def test_a_model_that_knows_the_answer_has_no_loss():
    """One image, so that the velocity follows from x_t and t: eps - x_0 = (x_t - x_0) / t."""
    model, images = build(), np.full((32, 1, 8, 8), 0.75, np.float32)
    model.forward = lambda x, t, labels: nets.Tensor((x - 0.5) / np.asarray(t).reshape(-1, 1, 1, 1))

    loss, _ = OBJECTIVES["pixel-diffusion"]()(model, (images, np.zeros(32, np.int64)))

    assert loss.item() < 1e-8


def test_labels_are_dropped_for_guidance():
    model, seen = build(), []
    forward = model.forward
    model.forward = lambda x, t, labels: (seen.extend(labels), forward(x, t, labels))[1]

    OBJECTIVES["pixel-diffusion"](drop=0.5)(model, (np.zeros((200, 1, 8, 8), np.float32), np.zeros(200, np.int64)))

    assert set(seen) == {0, 3}
    assert 60 < seen.count(3) < 140


def test_training_improves_is_repeatable_and_resumes_exactly(tmp_path):
    data = letters()
    whole = train(TOY, data, 5, folder=tmp_path / "whole")
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    losses = [float(line.split('"loss": ')[1].split(",")[0]) for line in lines]

    countdown = iter(range(13))
    stopped = train(TOY, data, 5, folder=tmp_path / "parts", should_stop=lambda: next(countdown, None) is None)
    assert stopped is None
    assert (tmp_path / "parts" / CHECKPOINT_NAME).is_file()
    resumed = train(TOY, data, 5, folder=tmp_path / "parts", resume=True)
    other = train(TOY, data, 6, folder=tmp_path / "other")

    assert losses[-1] < 0.9 * losses[0]
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert not np.array_equal(weights(other), weights(whole))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_recipes_begin(recipe, tmp_path):
    data = glyphs(30, generator=1, characters="ABC")
    short = replace(recipe, steps=1, steps_per_epoch=1, batch_size=2, warmup=0)

    model = train(short, data, 0, folder=tmp_path)

    assert model.sample([0], generator=np.random.default_rng(0), steps=1).shape == (1, 28, 28)


@pytest.mark.slow
def test_letters_are_learned(tmp_path):
    """With two letters, what is drawn must be nearer to the mean of its own letter than to that of the other one."""
    data = glyphs(600, generator=1, characters="IO", size=16)
    recipe = replace(TOY, settings={**SMALL, "steps": 20}, steps=300, steps_per_epoch=50, lr=3e-3, batch_size=32)
    labels = np.arange(60) % 2

    images = train(recipe, data, 0, folder=tmp_path).sample(labels, generator=np.random.default_rng(0))

    means = np.stack([data.images[data.labels == label].mean(0) / 255 for label in (0, 1)])
    distances = ((images[:, None] - means) ** 2).sum((2, 3))
    assert (distances.argmin(1) == labels).mean() > 0.9


@pytest.mark.slow
@pytest.mark.skipif("GAME2048_DATA" not in os.environ, reason="needs MNIST in GAME2048_DATA")
def test_loss_on_mnist_falls_in_a_few_steps(tmp_path):
    data = load_mnist(Path(os.environ["GAME2048_DATA"]) / "mnist").train
    recipe = replace(RECIPES[0], steps=100, steps_per_epoch=50, warmup=20)

    train(recipe, data, 0, folder=tmp_path)

    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert float(lines[-1].split('"loss": ')[1].split(",")[0]) < 0.6
