"""Recipes of autoencoders and variational autoencoders.

Small batches and a high learning rate, which falls to 0, are worth more than anything else in the same time.
"""

from dataclasses import replace
from typing import Any, Final

from generative.autoencoders import autoencoder, vae  # noqa: F401  # they register the models
from generative.recipe import Recipe

DENSE: Final[dict[str, Any]] = {"latent": 32, "widths": [512, 256]}
CONV: Final[dict[str, Any]] = {"latent": 32, "architecture": "conv", "widths": [16, 32, 256]}

AE: Final = Recipe(family="ae", name="default", data="mnist", model="autoencoder", settings=DENSE, lr=3e-3)
AE_CONV: Final = replace(AE, name="conv", settings=CONV, steps=6000)
DENOISING: Final = replace(AE, name="denoising", settings={**DENSE, "noise": 0.5})

VAE: Final = Recipe(
    family="vae",
    name="default",
    data="mnist",
    model="vae",
    settings={"latent": 16, "widths": [512, 256]},
    objective={"beta": 1.0, "warmup": 1000},
    lr=3e-3,
)
VAE_CONV: Final = replace(VAE, name="conv", settings={**CONV, "latent": 16}, steps=6000)
CONDITIONAL: Final = replace(
    VAE, name="conditional", data="emnist", settings={"latent": 16, "widths": [512, 256], "conditional": True}
)
HOBBY: Final = Recipe(
    family="vae",
    name="hobby",
    data="emnist",
    model="vae",
    settings={"latent": 16, "widths": [500, 500, 500], "likelihood": "gaussian"},
    objective={"beta": 1.0},
    steps=5000,
    batch_size=256,
    balanced=False,
    optimizer="adam",
    weight_decay=0.0,
    schedule="constant",
    ema=None,
)
"""A common first attempt: a summed squared error against a whole KL divergence, which presses most latents onto the
prior, so that reconstructions and samples blur. It stands beside the others to be compared with."""

_REAL: Final = (AE, AE_CONV, DENOISING, VAE, VAE_CONV, CONDITIONAL, HOBBY)
RECIPES: Final[tuple[Recipe, ...]] = (*_REAL, *(replace(recipe, data="glyphs") for recipe in _REAL))
