"""Diffusion in the latent space of a variational autoencoder: small vectors to denoise instead of images.

The encoder turns each image into N(mu, sigma^2), of which training draws z; with the mean and the standard deviation
of all z taken out, z is what a diffusion model learns to make from noise, for each class and case, and the decoder
turns it into an image. R. Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022,
arXiv:2112.10752.

Departures: latents are vectors without space, so the denoiser is a perceptron instead of a U-Net; every latent is
scaled by its own standard deviation instead of all by one (their appendix G); the autoencoder is trained with a
likelihood only, no adversary.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.autoencoders.vae import VAE
from generative.diffusion import prediction
from generative.diffusion.denoiser import Denoiser, Modulation, count_weights
from generative.diffusion.image_diffusion import ImageDiffusion
from generative.diffusion.prediction import Network
from generative.errors import SettingError
from generative.image_model import N_CASES, ImageModel, Images, Labels, LatentModel
from generative.training import register_objective
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import models, random
from nets.data import LabelledImages, as_float
from nets.evaluation import Batch, Objective
from nets.graph import no_grad
from nets.layers import Buffer, Module
from nets.layers.module import in_use
from nets.tensor import Tensor

Array = npt.NDArray[Any]
ENCODED: Final = 1024
"""Images that go through the encoder at a time."""


class LatentDiffusion(ImageDiffusion, LatentModel):
    """Draws images of a class, by taking the noise out of latent vectors; `latent_diffusion` has the settings.

    Attributes
    ----------
    autoencoder : VAE
    denoiser : Denoiser
    mean, std : Buffer of float32, shape (latent,)
        Of the latents of the training images.
    """

    chunk = 512

    def __init__(
        self,
        *,
        size: int,
        classes: Sequence[str],
        autoencoder: Mapping[str, Any],
        denoiser: Mapping[str, int],
        generator: np.random.Generator | None = None,
        **sampling: Any,
    ) -> None:
        self.size, self.classes = size, tuple(classes)
        vae = models.build_from(autoencoder, generator=generator)
        if not isinstance(vae, VAE):
            raise SettingError(f"autoencoder must be a vae, got {autoencoder.get('model')!r}")
        if vae.conditional:
            raise SettingError("autoencoder must not be conditional: its latents would not say what the image is of")
        self.autoencoder: VAE = vae
        self.autoencoder.requires_grad_(False)
        self.denoiser = Denoiser(vae.latent, len(self.classes), generator=generator, **denoiser)
        self.mean, self.std = Buffer(np.zeros(vae.latent, np.float32)), Buffer(np.ones(vae.latent, np.float32))
        self.noise_shape = (vae.latent,)
        self.set_up_sampling(**sampling)

    # --- learning ---

    def adopt(self, autoencoder: ImageModel, data: LabelledImages) -> None:
        """Take over the autoencoder's weights, never to be changed again, and measure its latent space on the data."""
        self.autoencoder.load_state_dict(autoencoder.state_dict())
        sums = np.zeros((2, self.autoencoder.latent))
        for i in range(0, len(data), ENCODED):
            mu, log_sigma = self.autoencoder.posterior(as_float(data.images[i : i + ENCODED]))
            mu = mu.astype(np.float64)
            sums += mu.sum(0), (mu**2 + np.exp(2.0 * log_sigma)).sum(0)
        mean, square = sums / len(data)
        self.mean.copy_(mean.astype(np.float32))
        self.std.copy_(np.sqrt(square - mean**2).astype(np.float32))  # of mu, and of z around it

    def encode(self, images: npt.NDArray[np.float32], generator: np.random.Generator) -> npt.NDArray[np.float32]:
        """Draw the latents of images (n, 1, size, size), shape (n, latent), scaled to mean 0 and variance 1."""
        mu, log_sigma = self.autoencoder.posterior(images)
        z = mu + np.exp(log_sigma) * generator.standard_normal(mu.shape, np.float32)
        return np.asarray((z - self.mean.data) / self.std.data, np.float32)

    # --- sampling ---

    def network_for(self, labels: Labels, case: Labels) -> Network:
        """Return the denoiser under given conditions."""
        return _Network(self.denoiser, labels, case)

    def to_images(self, x: Array) -> Images:
        """Return the images of scaled latents, shape (n, size, size)."""
        return self.autoencoder.draw(x * self.std.data + self.mean.data)


class _Network:
    """The denoiser under given labels, as samplers ask it: (latents, t) -> prediction, no gradients."""

    def __init__(self, denoiser: Denoiser, labels: Labels, case: Labels) -> None:
        self.denoiser = denoiser
        # Scales and shifts are computed once for each label and case, and once in all where there is one.
        conditions, self.inverse = np.unique(labels * N_CASES + case, return_inverse=True)
        self.labels, self.case = conditions // N_CASES, conditions % N_CASES

    def __call__(self, x: Array, t: float) -> Array:
        with in_use(self.denoiser), no_grad():
            modulation = self.denoiser.modulate(np.full(len(self.labels), t, np.float32), self.labels, self.case)
            return self.denoiser.denoise(x, self._of_each(modulation)).numpy()

    def _of_each(self, modulation: Modulation) -> Modulation:
        if len(self.labels) == 1:
            return modulation
        return [(Tensor(a.numpy()[self.inverse]), Tensor(b.numpy()[self.inverse])) for a, b in modulation]


def _count(*, classes: Sequence[str], autoencoder: Mapping[str, Any], denoiser: Mapping[str, int], **_: Any) -> int:
    sizes = {**DENOISER, **denoiser}
    return models.count_parameters(autoencoder) + count_weights(
        int(autoencoder.get("latent", 0)), len(classes), **{name: int(sizes[name]) for name in DENOISER}
    )


DENOISER: Final = {"width": 384, "hidden": 768, "depth": 4, "condition": 128}


@models.register("latent-diffusion", _count)
def latent_diffusion(
    *,
    size: int = 28,
    classes: Sequence[str] = (),
    autoencoder: Mapping[str, Any] | None = None,
    denoiser: Mapping[str, int] | None = None,
    schedule: str = "flow",
    parametrization: str = "flow",
    sampler: str = "euler",
    steps: int = 25,
    guidance: float = 1.5,
    interval: Sequence[float] = (0.0, 1.0),
    start: float = 1.0,
    generator: np.random.Generator | None = None,
) -> LatentDiffusion:
    """Build a latent diffusion model.

    Parameters
    ----------
    size, classes
        As in `ImageModel`.
    autoencoder : mapping
        Configuration of a "vae" for `nets.models.build_from`.
    denoiser : mapping
        ``width``, ``hidden``, ``depth`` and ``condition`` of `generative.diffusion.denoiser.Denoiser`, where not the
        default.
    schedule, parametrization
        See `generative.diffusion.schedules` and `generative.diffusion.prediction`.
    sampler, steps
        Name of a function in `generative.diffusion.samplers`, and in how many steps it goes from noise to image.
    guidance, interval
        See `generative.diffusion.prediction.guided`.
    start
        Time at which sampling begins; below 1 where the parametrisation says nothing at 1.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """
    return LatentDiffusion(
        size=size,
        classes=classes,
        autoencoder={"model": "vae"} if autoencoder is None else autoencoder,
        denoiser={**DENOISER, **(denoiser or {})},
        schedule=schedule,
        parametrization=parametrization,
        sampler=sampler,
        steps=steps,
        guidance=guidance,
        interval=interval,
        start=start,
        generator=generator,
    )


@register_objective("latent-diffusion")
def objective(
    *, label_drop: float = 0.1, case_drop: float = 0.3, times: str = "logit-normal", shift: float = 0.0
) -> Objective:
    """Return the objective: the mean squared error of what the denoiser predicts.

    Parameters
    ----------
    label_drop : float
        Fraction of the images whose class (and case) is not told, so that there is something to guide away from.
    case_drop : float
        Fraction of the others whose case is not told.
    times, shift
        ``distribution`` and ``mean`` of `generative.diffusion.prediction.draw_times`.
    """

    def loss(model: Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(model, LatentDiffusion)
        images, labels, case = batch
        rng, nothing = random.generator(), len(model.classes)
        z = model.encode(images, rng)
        t = prediction.draw_times(len(z), rng, times, mean=shift)
        x_t, t, target = prediction.noised(z, t, model.schedule, model.parametrization, rng)
        told = prediction.drop_labels(labels, nothing, label_drop, rng)
        told_case = np.where(told == nothing, 0, prediction.drop_labels(case, 0, case_drop, rng))
        return F.mse_loss(model.denoiser(x_t, t, told, told_case), target), {}

    return loss
