"""The autoencoder: losses in closed form, noise, reconstruction, and that it learns, repeats and resumes."""

from dataclasses import replace

import numpy as np
import pytest

import nets
from generative.autoencoders.autoencoder import Autoencoder, add_noise, autoencoder_objective
from generative.autoencoders.coder import reconstruction_loss
from generative.errors import SettingError
from generative.image_model import load, save
from generative.recipe import Recipe
from generative.recipes.autoencoders import RECIPES
from generative.training import train
from nets import Tensor, models
from nets.data import as_float, glyphs
from nets.testing import check_grads, overfits_one_batch

LETTERS = glyphs(600, characters="ABC", size=16, generator=0)
TOY = Recipe(
    family="ae",
    name="toy",
    data="glyphs",
    model="autoencoder",
    settings={"latent": 8, "widths": [48, 24], "noise": 0.2},
    steps=60,
    steps_per_epoch=20,
    batch_size=16,
    lr=1e-2,
    warmup=10,
    ema=0.9,
)


def build(seed=0, size=16, **settings):
    nets.manual_seed(seed)
    return models.build("autoencoder", size=size, classes=["A", "B", "C"], **{"widths": [12], "latent": 4, **settings})


def batch(n=12):
    return as_float(LETTERS.images[:n]), LETTERS.labels[:n].astype(np.int64), np.zeros(n, np.int64)


def test_the_gaussian_loss_is_half_the_squared_error_summed_over_pixels():
    rng = np.random.default_rng(0)
    logits, images = rng.standard_normal((3, 1, 4, 4)), rng.random((3, 1, 4, 4))

    loss = reconstruction_loss(Tensor(logits, dtype=np.float64), images, "gaussian").item()

    pixels = 1 / (1 + np.exp(-logits))
    assert loss == pytest.approx(0.5 * ((images - pixels) ** 2).sum((1, 2, 3)).mean(), rel=1e-12)


def test_the_bernoulli_loss_is_the_cross_entropy_summed_over_pixels():
    rng = np.random.default_rng(0)
    logits, images = rng.standard_normal((3, 1, 4, 4)), rng.random((3, 1, 4, 4))

    loss = reconstruction_loss(Tensor(logits, dtype=np.float64), images, "bernoulli").item()

    pixels = 1 / (1 + np.exp(-logits))
    terms = -images * np.log(pixels) - (1 - images) * np.log(1 - pixels)
    assert loss == pytest.approx(terms.sum((1, 2, 3)).mean(), rel=1e-12)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_the_slope_of_the_loss_agrees_with_differences(likelihood):
    images = np.random.default_rng(1).random((2, 1, 3, 3))

    check_grads(
        lambda logits: reconstruction_loss(logits, images, likelihood), np.linspace(-2, 2, 18).reshape(2, 1, 3, 3)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"architecture": "conv", "widths": [4, 12]},
        {"conditional": True},
        {"likelihood": "gaussian", "contrast": 2.0},
    ],
)
def test_every_kind_learns_a_batch_by_heart(settings):
    model = build(**{"latent": 12, "widths": [64], **settings})
    images, labels, _ = batch(6)

    def excess(logits, target):  # the cross-entropy of grey pixels has a floor above 0
        return reconstruction_loss(logits, target, "gaussian")

    overfits_one_batch(model, excess, (images, labels), images, steps=150, lr=2e-2, share=0.2)


def test_images_come_back_as_arrays_in_the_unit_interval_in_either_shape():
    model = build()
    images = batch(5)[0]

    back = model.reconstruct(images)

    assert back.shape == (5, 16, 16)
    assert back.dtype == np.float32
    assert back.min() >= 0
    assert back.max() <= 1
    np.testing.assert_array_equal(back, model.reconstruct(images[:, 0]))
    np.testing.assert_allclose(back, model.decode(model.encode(images)).numpy()[:, 0], rtol=1e-5)


def test_images_in_many_chunks_are_those_in_one(monkeypatch):
    model, images = build(conditional=True), batch(7)[0]
    whole = model.reconstruct(images, [0, 1, 2, 0, 1, 2, 0])
    monkeypatch.setattr("generative.autoencoders.coder.CHUNK", 3)

    np.testing.assert_allclose(model.reconstruct(images, [0, 1, 2, 0, 1, 2, 0]), whole, rtol=1e-5)


def test_contrast_drives_pixels_apart_but_not_the_logits():
    plain, strong = build(), build(contrast=3.0)
    z = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)

    faint, clear = plain.decode(z).numpy(), strong.decode(z).numpy()

    np.testing.assert_array_equal(plain.decode_logits(z).numpy(), strong.decode_logits(z).numpy())
    assert (np.abs(clear - 0.5) >= np.abs(faint - 0.5)).all()
    np.testing.assert_allclose(np.log(clear / (1 - clear)), 3 * np.log(faint / (1 - faint)), atol=1e-4)


def test_noise_has_its_strength_and_leaves_an_image():
    grey = np.full((50, 1, 20, 20), 0.5, np.float32)

    noisy = add_noise(grey, 0.1, np.random.default_rng(0))
    very_noisy = add_noise(grey, 5.0, np.random.default_rng(0))

    assert noisy.std() == pytest.approx(0.1, rel=0.03)
    assert noisy.mean() == pytest.approx(0.5, abs=0.005)
    assert very_noisy.min() == 0
    assert very_noisy.max() == 1
    assert (grey == 0.5).all()


def test_a_denoising_model_is_compared_with_the_clean_image():
    model, images = build(noise=0.7), batch(8)
    nets.manual_seed(5)

    loss, others = autoencoder_objective()(model, images)

    nets.manual_seed(5)
    seen = add_noise(images[0], 0.7, nets.random.generator())
    logits = model(seen)
    assert loss.item() == pytest.approx(reconstruction_loss(logits, images[0], "bernoulli").item())
    error = ((logits.sigmoid().numpy() - images[0]) ** 2).sum((1, 2, 3)).mean()
    assert others["squared_error"] == pytest.approx(error, rel=1e-5)


def test_training_improves_and_takes_noise_out(tmp_path):
    recipe = replace(TOY, steps=400, steps_per_epoch=200, settings={**TOY.settings, "noise": 0.5})

    model = train(recipe, LETTERS, 0, folder=tmp_path)

    images = as_float(glyphs(50, characters="ABC", size=16, generator=9).images)
    noisy = add_noise(images, 0.5, np.random.default_rng(1))
    before, after = ((x - images[:, 0]) ** 2 for x in (noisy[:, 0], model.reconstruct(noisy)))
    assert after.mean() < 0.4 * before.mean()


def test_the_same_seed_gives_the_same_weights_and_a_stop_changes_nothing(tmp_path):
    whole = train(TOY, LETTERS, 3, folder=tmp_path / "whole")
    calls = iter(range(1000))
    assert train(TOY, LETTERS, 3, folder=tmp_path / "parts", should_stop=lambda: next(calls) == 30) is None

    resumed = train(TOY, LETTERS, 3, folder=tmp_path / "parts", resume=True)

    other = train(TOY, LETTERS, 4, folder=tmp_path / "other")
    for name, array in whole.state_dict().items():
        np.testing.assert_array_equal(array, resumed.state_dict()[name])
    assert any((array != other.state_dict()[name]).any() for name, array in whole.state_dict().items())


def test_a_saved_model_is_loaded_with_its_settings(tmp_path):
    model = build(noise=0.4, conditional=True, contrast=1.5)
    save(model, tmp_path)

    twin = load(tmp_path)

    assert isinstance(twin, Autoencoder)
    assert (twin.noise, twin.contrast, twin.classes) == (0.4, 1.5, ("A", "B", "C"))
    images, labels, _ = batch(4)
    np.testing.assert_array_equal(twin.reconstruct(images, labels), model.reconstruct(images, labels))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"noise": -1.0}, "noise must not be negative, got -1.0"),
        ({"noise": float("nan")}, "noise must not be negative, got nan"),
        ({"contrast": 0.0}, "contrast must be positive, got 0.0"),
        ({"likelihood": "poisson"}, "got 'poisson'"),
    ],
)
def test_settings_that_break_a_rule_are_refused(settings, words):
    with pytest.raises(SettingError, match=words):
        build(**settings)


def test_a_conditional_model_without_classes_is_refused():
    with pytest.raises(SettingError, match="at least one name"):
        models.build("autoencoder", conditional=True)


@pytest.mark.parametrize(
    ("labels", "words"), [(None, "labels must be given"), ([0, 1, 2], "3 for 2"), ([0, 3], r"in 0\.\.2, got 0\.\.3")]
)
def test_a_conditional_model_asks_for_the_labels_that_it_needs(labels, words):
    with pytest.raises(SettingError, match=words):
        build(conditional=True).decode(np.zeros((2, 4), np.float32), labels)


def test_an_autoencoder_cannot_be_sampled():
    with pytest.raises(NotImplementedError, match="Autoencoder cannot draw"):
        build().sample([0], generator=np.random.default_rng(0))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.family}-{recipe.name}-{recipe.data}")
def test_every_recipe_takes_a_step(recipe):
    from generative.training import make_trainer

    data = glyphs(60, characters="AB", generator=0)
    trainer = make_trainer(replace(recipe, steps=1, steps_per_epoch=1, batch_size=4), data, 0)
    before = trainer.model.state_dict()

    trainer.fit(1)

    assert trainer.step == 1
    assert any((array != before[name]).any() for name, array in trainer.model.state_dict().items())
