"""From a recipe to a trained model: one function for all families, resumable exactly.

A recipe names a registered model, its settings, and how it is optimised. What is minimised, the objective, belongs to
the kind of model and stands beside it. A latent diffusion model has a recipe of its autoencoder in its own recipe,
which is trained first, in a subfolder.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from generative.datasets import Batches
from generative.errors import SettingError
from generative.image_model import ImageModel, LatentModel, load, save
from generative.recipe import SETTINGS_NAME, Recipe, read_settings, write_settings
from nets import models, optim, random, schedules
from nets.checkpoint import FILE_NAME
from nets.data import LabelledImages
from nets.evaluation import Objective
from nets.layers import Module
from nets.training import CHECKPOINT_NAME, METRICS_NAME, Callback, Trainer

AUTOENCODER_FOLDER: Final = "autoencoder"
OBJECTIVES: Final[dict[str, Callable[..., Objective]]] = {}
"""By the registered name of the model: a function of ``Recipe.objective`` that returns what is minimised."""


def register_objective(model: str) -> Callable[[Callable[..., Objective]], Callable[..., Objective]]:
    """Make a function the objective of the models of this name.

    It takes the settings in ``Recipe.objective`` by keyword and returns a function (model, batch) -> (mean loss, other
    means to report); the batch is (images, labels, case) of `generative.datasets.Batches`. All its randomness comes
    from `nets.random.generator()`, whose state is part of the checkpoint.
    """

    def add(function: Callable[..., Objective]) -> Callable[..., Objective]:
        OBJECTIVES[model] = function
        return function

    return add


def train(
    recipe: Recipe,
    data: LabelledImages,
    seed: int,
    *,
    folder: Path,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    callbacks: Callable[[Recipe], Sequence[Callback]] = lambda recipe: (),
) -> ImageModel | None:
    """Train a model, with its autoencoder first if it has one, and save it in the folder.

    Parameters
    ----------
    recipe : Recipe
    data : LabelledImages
        The training images.
    seed : int
        Same seed, same weights, bit for bit (on one machine and number of threads).
    folder : path
        Of the run: settings.json, metrics.jsonl, checkpoint.safetensors, and in the end model.safetensors.
    resume : bool
        Go on with what is in the folder, exactly where it stopped; otherwise a run that is there is removed.
    should_stop : callable
        Asked after each step.
    callbacks : callable
        Recipe of a stage -> what is told of its progress.

    Returns
    -------
    ImageModel or None
        Ready to sample; None if it was stopped.

    Raises
    ------
    SettingError
        If the recipe breaks a rule, or is not that of the run to go on with, nor its seed.
    ModelError, nets.errors.CheckpointError
        If the run to go on with is damaged, or was trained on other data.
    """
    if resume and (folder / SETTINGS_NAME).is_file():
        _check_same(folder, recipe, seed)
    elif not resume:
        remove_run(folder)  # or an interruption would leave its model, and resuming would take its autoencoder
    write_settings(folder, recipe, seed)
    autoencoder: ImageModel | None = None
    if recipe.autoencoder is not None:
        first = folder / AUTOENCODER_FOLDER
        if resume and (first / FILE_NAME).is_file():
            autoencoder = load(first)
        else:
            autoencoder = train(
                recipe.autoencoder,
                data,
                seed,
                folder=first,
                resume=resume and (first / CHECKPOINT_NAME).is_file(),
                should_stop=should_stop,
                callbacks=callbacks,
            )
        if autoencoder is None:
            return None
    trainer = make_trainer(recipe, data, seed, autoencoder, folder=folder, should_stop=should_stop)
    trainer.callbacks = callbacks(recipe)
    if resume and (folder / CHECKPOINT_NAME).is_file():
        trainer.resume()
    trainer.fit(recipe.epochs)
    if trainer.stopped:
        return None
    model = trainer.model
    assert isinstance(model, ImageModel)
    notes = {"family": recipe.family, "recipe": recipe.name, "data": recipe.data, "seed": seed, "steps": trainer.step}
    save(model, folder, notes)
    model.eval()
    return model


def make_trainer(
    recipe: Recipe,
    data: LabelledImages,
    seed: int,
    autoencoder: ImageModel | None = None,
    *,
    folder: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trainer:
    """Set up one stage of a recipe.

    Raises
    ------
    SettingError
        If the recipe breaks a rule.
    """
    import generative.recipes  # noqa: F401  # registers all image models

    if recipe.model not in OBJECTIVES:
        raise SettingError(f"model must be one of {', '.join(OBJECTIVES)}, got {recipe.model!r}")
    objective = _objective(recipe)
    random.manual_seed(seed)
    model = models.build(
        recipe.model, size=data.images.shape[-1], classes=list(data.classes), **_settings(recipe, autoencoder)
    )
    if isinstance(model, LatentModel):
        if autoencoder is None:
            raise SettingError(f"{recipe.model} needs an autoencoder, got none")
        model.adopt(autoencoder, data)
    loader = Batches(
        data,
        batch_size=recipe.batch_size,
        length=recipe.epoch_steps,
        balanced=recipe.balanced,
        generator=np.random.default_rng([seed, 1]),
    )
    optimizer = _optimizer(recipe, model)
    n_steps = recipe.epochs * recipe.epoch_steps
    schedule = None
    if recipe.schedule == "cosine":
        schedule = schedules.CosineLR(optimizer, n_steps, warmup=min(recipe.warmup, n_steps // 2))
    return Trainer(
        model,
        optimizer,
        loader,
        objective,
        schedule=schedule,
        ema=None if recipe.ema is None else schedules.EMA(model, recipe.ema),
        max_grad_norm=recipe.max_grad_norm,
        folder=folder,
        should_stop=should_stop,
    )


def _objective(recipe: Recipe) -> Objective:
    function = OBJECTIVES[recipe.model]
    known = inspect.signature(function).parameters
    if unknown := recipe.objective.keys() - known:
        settings = f"the settings {', '.join(known)}" if known else "no settings"
        raise SettingError(f"the objective of {recipe.model} has {settings}, got {', '.join(sorted(unknown))}")
    return function(**recipe.objective)


def _settings(recipe: Recipe, autoencoder: ImageModel | None) -> dict[str, Any]:
    return recipe.settings if autoencoder is None else {**recipe.settings, "autoencoder": autoencoder.config}


def _optimizer(recipe: Recipe, model: Module) -> optim.Optimizer:
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if recipe.optimizer == "sgd":
        return optim.SGD(learned, lr=recipe.lr, weight_decay=recipe.weight_decay)
    rule = {"adam": optim.Adam, "adamw": optim.AdamW}[recipe.optimizer]
    return rule(learned, lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay)


def _check_same(folder: Path, recipe: Recipe, seed: int) -> None:
    """Refuse to go on with a run by another recipe or seed than it began with; settings.json would tell a lie."""
    begun, begun_seed = read_settings(folder)
    ours, theirs = {"seed": seed, **recipe.to_dict()}, {"seed": begun_seed, **begun.to_dict()}
    for name, value in ours.items():
        if value != theirs[name]:
            raise SettingError(f"{name} of the run in {folder} is {theirs[name]!r}, got {value!r}; a run keeps its own")


def remove_run(folder: Path) -> None:
    """Remove what a run wrote, and nothing else."""
    for part in (folder / AUTOENCODER_FOLDER, folder):
        for name in (SETTINGS_NAME, CHECKPOINT_NAME, FILE_NAME, METRICS_NAME):
            (part / name).unlink(missing_ok=True)
