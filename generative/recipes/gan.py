"""Recipes of GANs."""

from dataclasses import replace
from typing import Final

from generative import adversarial  # noqa: F401  # registers the objective
from generative.training import Recipe

_CONV: Final = Recipe(
    family="gan",
    name="default",
    data="mnist",
    model="gan",
    steps=9_500,
    batch_size=64,
    optimizer="adam",
    lr=2e-4,
    betas=(0.5, 0.999),
    weight_decay=0.0,
    schedule="constant",
    ema=0.999,
)
RECIPES: Final[tuple[Recipe, ...]] = (_CONV, replace(_CONV, data="glyphs"))
