"""Latent diffusion of letters: an autoencoder first, then a denoiser of its latents.

What was found on the way, at equal processor time, by training on EMNIST and measuring 26 x 200 letters:

- A small denoiser that takes more steps beats a large one: 256 and 512 numbers wide at 7,500 steps against 384 and 768
  at 4,000, both about 250 s, gave .80 against 1.20 in Frechet distance. In an hour the larger one is worth its price.
- Batches of 128 or of 256 images make no difference.
- A weak pull to the prior, beta .02 with 48 latents, is better than .1 with 40: sharp reconstructions matter more than
  a smooth latent space.
- A contrast above 1 makes up for the blur of the decoder: at 1.2 the reconstructions of a short training had 1.02
  instead of .79 of the sharpness of real letters, and less than half of the Frechet distance, for nothing.
- Guidance in the middle of the way only, as T. Kynkaanniemi et al. found (arXiv:2404.07724), is better and cheaper than
  everywhere: at the same accuracy of .95 a Frechet distance of 1.9 against 2.4, and a recall of .82 against .80.
"""

from dataclasses import replace
from typing import Final

from generative.diffusion import latent_diffusion  # noqa: F401  # registers model and objective
from generative.recipe import Recipe

_AUTOENCODER: Final = Recipe(
    family="vae",
    name="latent",
    data="emnist",
    model="vae",
    settings={"latent": 48, "widths": [512, 256], "contrast": 1.15},
    objective={"beta": 0.02},
    steps=18_000,
    batch_size=128,
    lr=3e-3,
    max_grad_norm=50.0,
)
_DEFAULT: Final = Recipe(
    family="diffusion",
    name="default",
    data="emnist",
    model="latent-diffusion",
    settings={
        "denoiser": {"width": 256, "hidden": 512, "depth": 4},
        "sampler": "dpm_solver_2m",
        "steps": 25,
        "guidance": 2.0,
        "interval": [0.1, 0.6],
    },
    steps=22_000,
    batch_size=256,
    lr=2e-3,
    weight_decay=0.01,
    ema=0.999,
    max_grad_norm=1.0,
    autoencoder=_AUTOENCODER,
)
_BEST: Final = replace(
    _DEFAULT,
    name="best",
    settings={**_DEFAULT.settings, "denoiser": {"width": 384, "hidden": 768, "depth": 4}},
    steps=40_000,
    ema=0.9995,
    autoencoder=replace(_AUTOENCODER, name="latent-best", steps=38_000),
)
_QUICK: Final = replace(
    _DEFAULT,
    name="quick",
    steps=1500,
    steps_per_epoch=250,
    autoencoder=replace(_AUTOENCODER, steps=1500, steps_per_epoch=250, lr=2e-3),
)

RECIPES: Final[tuple[Recipe, ...]] = (
    _DEFAULT,
    _BEST,
    _QUICK,
    *(
        replace(
            recipe,
            data=data,
            autoencoder=None if recipe.autoencoder is None else replace(recipe.autoencoder, data=data),
        )
        for recipe in (_DEFAULT, _QUICK)
        for data in ("glyphs", "mnist")
    ),
)
