"""Recipes of GANs: some that draw well, and some that fail on purpose, to show how.

On MNIST, seed 0. Accuracy is the share of 10,000 drawings, 1,000 a digit, that a classifier (99.5 % right on real test
images) takes for the digit that was asked; classes and entropy are `generative.gan.diagnostics.ModeCoverage` of them,
at best 10 and log 10 = 2.30; diversity is the root mean squared distance of two drawings (two real test images: 10.28).
CPU time of training, one thread.

=============  ========  =======  =======  =========  ===========
recipe         accuracy  classes  entropy  diversity  CPU seconds
=============  ========  =======  =======  =========  ===========
default        .978      10       2.30     10.18      179
dense          .831      10       2.28     9.09       132
unconditional  -         9        2.08     9.98       66
collapse       -         1        0.00     1.38       12
vanishing      -         1        0.00     1.39       18
=============  ========  =======  =======  =========  ===========

"unconditional" leaves out the 1, which is less than a hundredth of its drawings: modes are lost without any failure in
the curves. What the two that fail draw is no digit; the classifier happens to take all of it for the same one. The
discriminator tells them apart: in the end it is right about 53 % of the real and 54 % of the drawn images of
"collapse", but about all of "vanishing", where the slope |dL_G/df| has fallen to 1e-5.
"""

from dataclasses import replace
from typing import Any, Final

from generative.gan import objective  # noqa: F401  # registers the objective
from generative.recipe import Recipe

_CONV: Final = Recipe(
    family="gan",
    name="default",
    data="mnist",
    model="gan",
    settings={"generator_widths": [32, 16], "discriminator_widths": [16, 32]},
    steps=8_000,
    batch_size=64,
    optimizer="adam",
    lr=2e-4,
    betas=(0.5, 0.999),
    weight_decay=0.0,
    schedule="constant",
    ema=0.999,
)
_DENSE_WIDTHS: Final[dict[str, Any]] = {
    "architecture": "dense",
    "generator_widths": [256, 512],
    "discriminator_widths": [512, 256],
    "discriminator_norm": False,
    "dropout": 0.3,
}
_DENSE: Final = replace(_CONV, name="dense", settings=_DENSE_WIDTHS)
_UNCONDITIONAL: Final = replace(
    _CONV, name="unconditional", settings={**_CONV.settings, "conditional": False}, steps=3_000
)
"""Told no classes, as the two that fail, which are to be compared with it; the others draw each class equally often
because they are asked to."""
_COLLAPSE: Final = replace(
    _CONV,
    name="collapse",
    settings={
        "architecture": "dense",
        "conditional": False,
        "generator_widths": [128, 256],
        "discriminator_widths": [256, 128],
        "generator_norm": False,
        "discriminator_norm": False,
    },
    objective={"discriminator_every": 5},
    steps=1_500,
    steps_per_epoch=100,
    lr=1e-3,
    ema=None,
)
"""The generator runs ahead of a discriminator that learns in each fifth step only; "the Helvetica scenario" of section
6 of arXiv:1406.2661."""
_VANISHING: Final = replace(
    _COLLAPSE,
    name="vanishing",
    settings={**_COLLAPSE.settings, "discriminator_widths": [512, 256]},
    objective={"loss": "minimax", "generator_every": 5},
    steps=2_000,
)
"""The discriminator wins, and the minimax loss has no slope left."""

RECIPES: Final[tuple[Recipe, ...]] = (
    _CONV,
    _DENSE,
    _UNCONDITIONAL,
    _COLLAPSE,
    _VANISHING,
    replace(_CONV, data="glyphs", steps=6_000),
    replace(_DENSE, data="glyphs", steps=6_000),
)
