"""Latent diffusion, on generated letters and networks so small that they learn in seconds."""

from dataclasses import replace

import numpy as np
import pytest

from generative import image_model, recipes
from generative.diffusion.latent_diffusion import LatentDiffusion
from generative.errors import ModelError, SettingError
from generative.recipe import Recipe
from generative.training import make_trainer, train
from nets import models
from nets.data import as_float, glyphs

AUTOENCODER = Recipe(
    family="vae",
    name="small",
    data="glyphs",
    model="vae",
    settings={"latent": 8, "widths": [64, 32]},
    objective={"beta": 0.05},
    steps=400,
    steps_per_epoch=200,
    batch_size=64,
    lr=4e-3,
    warmup=20,
    ema=0.98,
)
SMALL = Recipe(
    family="diffusion",
    name="small",
    data="glyphs",
    model="latent-diffusion",
    settings={"denoiser": {"width": 64, "hidden": 64, "depth": 2, "condition": 16}, "steps": 8},
    steps=600,
    steps_per_epoch=200,
    batch_size=64,
    lr=5e-3,
    warmup=20,
    ema=0.98,
    autoencoder=AUTOENCODER,
)


def untrained(**settings):
    """A model of two letters as training finds it."""
    chosen = {
        "autoencoder": {"model": "vae", "latent": 4, "widths": [8]},
        "denoiser": {"width": 8, "hidden": 8, "depth": 1, "condition": 8},
        "steps": 3,
        **settings,
    }
    return models.build("latent-diffusion", classes=["A", "B"], generator=np.random.default_rng(1), **chosen)


@pytest.fixture(scope="module")
def data():
    return glyphs(1500, generator=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("runs") / "small"
    assert train(SMALL, data, 3, folder=folder) is not None
    return folder


@pytest.fixture(scope="module")
def model(folder):
    model = image_model.load(folder)
    assert isinstance(model, LatentDiffusion)
    return model


def rng(seed=0):
    return np.random.default_rng(seed)


def test_letters_resemble_their_own_class_more_than_the_others(model, data):
    means = np.stack([as_float(data.images[data.labels == c])[:, 0].mean(0) for c in range(26)]).reshape(26, -1)
    labels = np.repeat(np.arange(26), 20)

    images = model.sample(labels, generator=rng()).reshape(len(labels), -1)

    distances = np.square(images[:, None] - means[None]).sum(-1)
    assert (distances.argmin(1) == labels).mean() > 0.4  # chance is 0.04


def test_images_are_in_range_and_of_one_shape(model):
    images = model.sample([0, 25, 3], generator=rng())

    assert images.shape == (3, 28, 28)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1


def test_the_same_seed_draws_the_same_images_bit_for_bit(model, folder):
    labels = np.arange(26)

    first = model.sample(labels, generator=rng(5))

    np.testing.assert_array_equal(model.sample(labels, generator=rng(5)), first)
    np.testing.assert_array_equal(image_model.load(folder).sample(labels, generator=rng(5)), first)
    assert not np.array_equal(model.sample(labels, generator=rng(6)), first)


def test_the_last_step_is_the_sample_and_the_first_is_not(model):
    labels = np.arange(5)

    steps = list(model.sample_steps(labels, generator=rng()))

    assert len(steps) == 8
    np.testing.assert_array_equal(steps[-1], model.sample(labels, generator=rng()))
    assert not np.array_equal(steps[0], steps[-1])


def test_many_letters_are_drawn_in_chunks_that_do_not_show(model, monkeypatch):
    labels = np.arange(26)
    whole = model.sample(labels, generator=rng())

    monkeypatch.setattr(LatentDiffusion, "chunk", 7)

    np.testing.assert_allclose(model.sample(labels, generator=rng()), whole, atol=1e-4)


def test_the_noise_of_a_letter_does_not_depend_on_those_after_it(model):
    short = model.sample([1, 2], generator=rng())
    long = model.sample([1, 2, 3, 4], generator=rng())

    np.testing.assert_allclose(long[:2], short, atol=1e-4)


def test_guidance_makes_letters_more_alike(model):
    labels = np.full(64, 4)

    spread = [model.sample(labels, generator=rng(), guidance=g).reshape(64, -1).var(0).sum() for g in (1.0, 2.0, 4.0)]

    assert spread[0] > spread[1] > spread[2]


def test_case_changes_what_is_drawn(model):
    upper = model.sample([0], generator=rng(), case=[1])

    assert not np.array_equal(upper, model.sample([0], generator=rng(), case=[2]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [26]}, "labels must be in 0..25"),
        ({"labels": [-1]}, "labels must be in 0..25"),
        ({"labels": [0.5]}, "labels must be ints"),
        ({"labels": [1, 2], "case": [1]}, "case must have one value a label, got 1 for 2"),
        ({"labels": [1], "case": [3]}, "case must be in 0..2"),
        ({"labels": [1], "steps": 0}, "steps must be in 1..1000, got 0"),
        ({"labels": [1], "guidance": -1.0}, "guidance must be finite and not negative"),
    ],
)
def test_wrong_questions_are_told(model, options, message):
    with pytest.raises(SettingError, match=message):
        model.sample(generator=rng(), **options)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "euler", "heun", "dpm_solver_2m"])
@pytest.mark.parametrize(("schedule", "parametrization"), [("flow", "flow"), ("cosine", "v"), ("linear", "epsilon")])
def test_every_sampler_draws_the_same_letters_at_once_and_step_by_step(sampler, schedule, parametrization):
    model = untrained(sampler=sampler, schedule=schedule, parametrization=parametrization)

    images = model.sample([0, 1, 1], generator=rng())

    assert np.isfinite(images).all()
    np.testing.assert_array_equal(images, model.sample([0, 1, 1], generator=rng()))
    np.testing.assert_array_equal(images, list(model.sample_steps([0, 1, 1], generator=rng()))[-1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps must be in 1..1000, got 0"),
        ({"guidance": float("nan")}, "guidance must be finite and not negative, got nan"),
        ({"interval": [0.5, 0.1]}, "interval must be"),
        ({"parametrization": "score"}, "parametrization must be one of"),
        ({"schedule": "cosine", "parametrization": "epsilon"}, "epsilon cannot be converted where alpha = 0"),
        ({"start": 0.0}, "times must satisfy"),
        ({"autoencoder": {"model": "autoencoder"}}, "autoencoder must be a vae, got 'autoencoder'"),
        ({"autoencoder": {"model": "vae", "classes": ["A", "B"], "conditional": True}}, "must not be conditional"),
    ],
)
def test_settings_that_break_a_rule_are_errors_at_once(settings, message):
    with pytest.raises(SettingError, match=message):
        untrained(**settings)


def test_a_parametrisation_that_says_nothing_at_1_can_start_below():
    model = untrained(schedule="cosine", parametrization="epsilon", start=0.99)

    assert np.isfinite(model.sample([0, 1], generator=rng())).all()


def test_no_letters_are_no_images(model):
    assert model.sample(np.zeros(0, np.int64), generator=rng()).shape == (0, 28, 28)


def test_latents_of_the_training_images_are_scaled_to_mean_0_and_variance_1(model, data):
    z = model.encode(as_float(data.images), rng())

    np.testing.assert_allclose(z.mean(0), 0, atol=0.1)
    np.testing.assert_allclose(z.std(0), 1, atol=0.1)


def test_the_autoencoder_does_not_change_while_the_denoiser_learns(folder, model):
    trained = image_model.load(folder / "autoencoder").state_dict()

    for name, array in model.autoencoder.state_dict().items():
        np.testing.assert_array_equal(array, trained[name])


def test_training_that_was_stopped_in_either_stage_resumes_exactly(tmp_path, data, monkeypatch):
    recipe = replace(
        SMALL, steps=20, steps_per_epoch=10, autoencoder=replace(AUTOENCODER, steps=20, steps_per_epoch=10)
    )
    whole = train(recipe, data, 1, folder=tmp_path / "whole")

    for stop in (7, 33):
        steps = iter(range(1000))
        folder = tmp_path / f"stopped-{stop}"
        assert train(recipe, data, 1, folder=folder, should_stop=lambda steps=steps, at=stop: next(steps) >= at) is None
        resumed = train(recipe, data, 1, folder=folder, resume=True)
        for name, array in whole.state_dict().items():
            np.testing.assert_array_equal(resumed.state_dict()[name], array)


def test_only_the_denoiser_is_optimised(data):
    vae = models.build("vae", classes=list(data.classes), latent=8, widths=[16])

    trainer = make_trainer(SMALL, data, 0, vae)

    learned = {id(p) for p in trainer.optimizer.parameters}
    assert learned == {id(p) for p in trainer.model.denoiser.parameters()}


def test_a_file_of_another_autoencoder_is_refused(folder, tmp_path):
    with pytest.raises(SettingError, match="autoencoder must be a vae, got 'mlp'"):
        models.build("latent-diffusion", classes=["A"], autoencoder={"model": "mlp"})
    with pytest.raises(ModelError, match="no finished model"):
        image_model.load(tmp_path)


def test_the_count_is_the_number_of_parameters(model):
    assert models.count_parameters(model.config) == sum(p.numel() for p in model.parameters())


def test_the_recipes_of_letters_build():
    letters = glyphs(60, generator=0)
    for recipe in recipes.letters.RECIPES:
        assert recipe.autoencoder is not None
        vae = models.build("vae", classes=list(letters.classes), **recipe.autoencoder.settings)

        trainer = make_trainer(replace(recipe, steps=1, steps_per_epoch=1), letters, 0, vae)

        assert trainer.model.size == 28
