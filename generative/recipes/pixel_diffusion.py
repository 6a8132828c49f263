"""Recipes of diffusion in the space of pixels."""

from dataclasses import replace
from typing import Final

from generative.diffusion import pixel_diffusion  # noqa: F401  # registers model and objective
from generative.training import Recipe

_PIXELS: Final = Recipe(
    family="diffusion",
    name="pixels",
    data="mnist",
    model="pixel-diffusion",
    settings={"channels": [32, 64], "blocks": [1, 4], "sampler": "dpm_solver_2m", "steps": 20},
    steps=9_000,
    steps_per_epoch=250,
    batch_size=64,
    lr=2e-3,
    max_grad_norm=1.0,
)
_QUICK: Final = replace(
    _PIXELS,
    name="pixels-quick",
    data="glyphs",
    settings={**_PIXELS.settings, "channels": [16, 32], "blocks": [1, 2]},
    steps=1_000,
    lr=3e-3,
    ema=0.99,
)
RECIPES: Final[tuple[Recipe, ...]] = (_PIXELS, _QUICK)
