"""From a recipe to a model: same seed, same weights, interrupted or not; clear words for what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

import generative.diffusion.latent_diffusion  # noqa: F401  # registers the model
import nets
from generative.errors import ModelError, SettingError
from generative.image_model import ImageModel, load
from generative.recipe import Recipe
from generative.training import AUTOENCODER_FOLDER, make_trainer, remove_run, train
from nets.checkpoint import FILE_NAME, read_notes
from nets.data import glyphs
from nets.errors import ArgumentError, CheckpointError
from nets.metrics import read_metrics
from nets.training import CHECKPOINT_NAME, METRICS_NAME, Callback

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
DIFFUSION = replace(
    VAE,
    family="diffusion",
    model="latent-diffusion",
    settings={"denoiser": {"width": 64, "hidden": 64, "depth": 1, "condition": 64}, "steps": 2},
    steps=9,
    steps_per_epoch=3,
    autoencoder=VAE,
)
STAGES = {"one stage": VAE, "two stages": DIFFUSION}
STEPS = {"one stage": 12, "two stages": 21}


@pytest.fixture(scope="module")
def letters():
    return glyphs(40, generator=0, characters="AB", size=16)


class StopAfter:
    """Says stop when asked for the n-th time."""

    def __init__(self, n):
        self.left = n

    def __call__(self):
        self.left -= 1
        return self.left == 0


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def rows(folder):
    """The metrics of a run, without the clock."""
    return [
        {k: v for k, v in row.items() if k not in ("seconds", "examples_per_second")}
        for row in read_metrics(folder / METRICS_NAME)
    ]


@pytest.fixture(scope="module", params=STAGES)
def whole(request, letters, tmp_path_factory):
    """Name, recipe, model and folder of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return request.param, STAGES[request.param], train(STAGES[request.param], letters, 3, folder=folder), folder


# --- training ---


def test_training_lowers_the_loss_and_saves_the_model_that_it_returns(letters, tmp_path):
    recipe = replace(VAE, steps=200, steps_per_epoch=100, lr=5e-3)

    model = train(recipe, letters, 0, folder=tmp_path)

    losses = [row["loss"] for row in rows(tmp_path)]
    assert losses[-1] < 0.9 * losses[0]
    assert same(model, load(tmp_path))
    assert not model.training
    assert read_notes(tmp_path) == {"family": "vae", "recipe": "toy", "data": "glyphs", "seed": 0, "steps": 200}


def test_the_same_seed_gives_the_same_weights_and_another_one_others(whole, letters, tmp_path):
    _, recipe, model, folder = whole

    nets.random.generator().random(5)  # what was drawn before has no influence
    again = train(recipe, letters, 3, folder=tmp_path / "again")
    other = train(recipe, letters, 4, folder=tmp_path / "other")

    assert same(model, again)
    assert rows(folder) == rows(tmp_path / "again")
    assert not same(model, other)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.57, 0.6, 0.99, 1.0])
def test_an_interrupted_run_becomes_the_uninterrupted_one(whole, letters, tmp_path, share):
    """At a share of all steps: in the first stage, at its end (12 of 21), after it, in the very last step."""
    name, recipe, model, folder = whole

    stopped = train(recipe, letters, 3, folder=tmp_path, should_stop=StopAfter(max(1, round(share * STEPS[name]))))
    nets.random.generator().random(3)
    resumed = train(recipe, letters, 3, folder=tmp_path, resume=True)

    assert stopped is None
    assert same(model, resumed)
    assert same(model, load(tmp_path))
    assert rows(folder) == rows(tmp_path)


def test_a_run_that_is_stopped_again_and_again_becomes_the_same(whole, letters, tmp_path):
    name, recipe, model, _ = whole
    stops = 0
    while (resumed := train(recipe, letters, 3, folder=tmp_path, resume=True, should_stop=StopAfter(2))) is None:
        stops += 1

    assert stops == STEPS[name] // 2
    assert same(model, resumed)


def test_going_on_with_a_finished_run_changes_nothing(whole, letters, tmp_path):
    _, recipe, model, folder = whole
    before = rows(folder)

    assert same(model, train(recipe, letters, 3, folder=folder, resume=True))
    assert rows(folder) == before


def test_the_second_stage_leaves_the_autoencoder_as_it_was(letters, tmp_path):
    model = train(DIFFUSION, letters, 0, folder=tmp_path)

    assert same(model.autoencoder, load(tmp_path / AUTOENCODER_FOLDER))


def test_a_new_run_in_the_folder_of_an_old_one_takes_nothing_of_it(letters, tmp_path):
    """An interruption must not leave the old model as if it were the new one's, nor the old autoencoder in it."""
    train(DIFFUSION, letters, 0, folder=tmp_path / "used")
    assert train(DIFFUSION, letters, 1, folder=tmp_path / "used", should_stop=StopAfter(3)) is None
    with pytest.raises(ModelError, match="no finished model"):
        load(tmp_path / "used")

    resumed = train(DIFFUSION, letters, 1, folder=tmp_path / "used", resume=True)

    assert same(resumed, train(DIFFUSION, letters, 1, folder=tmp_path / "fresh"))


def test_callbacks_are_made_for_each_stage_and_told(letters, tmp_path):
    class Count(Callback):
        def __init__(self):
            self.batches = 0

        def on_batch(self, trainer):
            self.batches += 1

    counts = []

    def callbacks(stage):
        counts.append((stage.family, Count()))
        return [counts[-1][1]]

    train(DIFFUSION, letters, 0, folder=tmp_path, callbacks=callbacks)

    assert [(family, count.batches) for family, count in counts] == [("vae", 12), ("diffusion", 9)]


@pytest.mark.parametrize(("steps", "per_epoch"), [(7, 5), (2, 5), (5, 2)])
def test_the_trainer_takes_as_many_steps_as_the_recipe_says(letters, tmp_path, steps, per_epoch):
    recipe = replace(VAE, steps=steps, steps_per_epoch=per_epoch)

    train(recipe, letters, 0, folder=tmp_path)

    assert rows(tmp_path)[-1]["step"] == recipe.epochs * recipe.epoch_steps
    assert steps <= rows(tmp_path)[-1]["step"] <= steps + 1


def test_the_learning_rate_of_a_cosine_ends_at_0(letters, tmp_path):
    train(replace(VAE, steps=7, steps_per_epoch=5), letters, 0, folder=tmp_path)

    assert rows(tmp_path)[-1]["lr"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("ema", [None, 0.5])
def test_every_rule_trains(letters, tmp_path, optimizer, ema):
    recipe = replace(VAE, optimizer=optimizer, lr=1e-5, ema=ema, schedule="constant", steps=2, steps_per_epoch=2)

    assert isinstance(train(recipe, letters, 0, folder=tmp_path), ImageModel)


# --- what is refused ---


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (replace(VAE, model="mlp"), "model must be one of .*vae.*, got 'mlp'"),
        (replace(DIFFUSION, autoencoder=None), "latent-diffusion needs an autoencoder, got none"),
        (replace(VAE, objective={"alpha": 1}), "the objective of vae has the settings beta, warmup, free_bits, got a"),
        (replace(VAE, model="autoencoder", objective={"beta": 1}), "the objective of autoencoder has no settings"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(letters, recipe, message):
    with pytest.raises(SettingError, match=message):
        make_trainer(recipe, letters, 0)


def test_an_autoencoder_for_a_model_that_needs_none_is_refused(letters, tmp_path):
    with pytest.raises(ArgumentError, match=r"vae has the settings .*, got autoencoder"):
        train(replace(VAE, autoencoder=VAE), letters, 0, folder=tmp_path)


@pytest.mark.parametrize(
    ("recipe", "seed", "message"),
    [
        (VAE, 1, "seed of the run in .* is 0, got 1"),
        (replace(VAE, lr=1e-4), 0, r"lr of the run in .* is 0\.001, got 0\.0001"),
    ],
)
def test_going_on_by_another_recipe_or_seed_is_refused_and_leaves_the_run(letters, tmp_path, recipe, seed, message):
    train(VAE, letters, 0, folder=tmp_path, should_stop=StopAfter(3))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(SettingError, match=message):
        train(recipe, letters, seed, folder=tmp_path, resume=True)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_going_on_with_other_data_is_refused(letters, tmp_path):
    train(VAE, letters, 0, folder=tmp_path, should_stop=StopAfter(3))

    with pytest.raises(CheckpointError, match="does not fit this run"):
        train(VAE, letters.take(slice(30)), 0, folder=tmp_path, resume=True)


def test_a_damaged_checkpoint_is_named(letters, tmp_path):
    train(VAE, letters, 0, folder=tmp_path, should_stop=StopAfter(3))
    path = tmp_path / CHECKPOINT_NAME
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(CheckpointError, match=CHECKPOINT_NAME):
        train(VAE, letters, 0, folder=tmp_path, resume=True)


def test_removing_a_run_leaves_what_is_not_its_own(letters, tmp_path):
    train(DIFFUSION, letters, 0, folder=tmp_path)
    (tmp_path / "notes.txt").write_text("mine")

    remove_run(tmp_path)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["notes.txt"]


# --- loading ---


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no model at .*missing"):
        load(tmp_path / "missing")
    with pytest.raises(ModelError, match="no finished model in"):
        load(tmp_path)


def test_a_damaged_model_is_named(letters, tmp_path):
    train(VAE, letters, 0, folder=tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(ModelError, match=FILE_NAME):
        load(tmp_path)


def test_a_model_of_another_kind_is_named(tmp_path):
    nets.save(nets.models.build("mlp"), tmp_path / FILE_NAME)

    with pytest.raises(ModelError, match="holds a Sequential, not an image model"):
        load(tmp_path)


@pytest.mark.parametrize(
    "setting",
    [
        {"architecture": "vit"},
        {"size": "large"},
        {"size": 10**400},
        {"generator_widths": []},
        {"generator_widths": [2**40]},
        {"classes": None},
        {"latent": None},
        {"dropout": "a"},
        {"discriminator_widths": [1] * 500},
    ],
)
def test_a_model_whose_settings_are_damaged_is_named(tmp_path, setting):
    model = nets.models.build("gan", size=8, latent=2, generator_widths=[2], discriminator_widths=[2])
    nets.save(model, tmp_path / FILE_NAME, config={**model.config, **setting})

    with pytest.raises(ModelError, match=FILE_NAME):
        load(tmp_path)
