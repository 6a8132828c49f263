"""The autoencoder: images through a few numbers and back, dense or convolutional, optionally taking noise out.

It minimises L = - log p(x | decode(encode(x))), see `generative.autoencoders.coder.reconstruction_loss`; with a
Gaussian likelihood that is 1/2 sum (x - x')^2. A denoising autoencoder encodes x + noise instead and is compared with
the clean x, so that it must know what images look like, and cannot merely copy [1]_.

References
----------
.. [1] P. Vincent et al., "Stacked denoising autoencoders", *Journal of Machine Learning Research* 11, 2010, section 3.
   Departure: noisy pixels are clipped to [0, 1], so that they are an image still.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from generative.autoencoders.coder import Coder, Likelihood, count_coder, reconstruction_loss
from generative.autoencoders.networks import Architecture
from generative.errors import SettingError
from generative.training import register_objective
from nets import random
from nets.evaluation import Batch, Objective
from nets.graph import no_grad
from nets.layers import Module
from nets.models import register
from nets.tensor import Operand, Tensor


class Autoencoder(Coder):
    """An autoencoder of images; see the module. Built by ``nets.models.build("autoencoder", ...)``.

    Parameters
    ----------
    noise : float
        Standard deviation of the noise on the images that it learns from.
    latent, generator, **settings
        As in `generative.autoencoders.coder.Coder`.
    """

    def __init__(
        self, *, latent: int, noise: float = 0.0, generator: np.random.Generator | None = None, **settings: Any
    ) -> None:
        if not noise >= 0:
            raise SettingError(f"noise must not be negative, got {noise!r}")
        super().__init__(n_codes=latent, latent=latent, generator=generator, **settings)
        self.noise = float(noise)

    def forward(self, x: Operand, labels: npt.ArrayLike | None = None) -> Tensor:
        """Return the logits of pixels, (n, 1, size, size)."""
        return self.decode_logits(self.encode(x, labels), labels)

    def encode(self, x: Operand, labels: npt.ArrayLike | None = None) -> Tensor:
        """Map images (n, 1, size, size) to codes (n, latent)."""
        return self._run_encoder(x, labels)

    def code(self, images: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
        """Return the code of each image (n, 1, size, size) or (n, size, size) as an array (n, latent)."""
        return self._encode_all(images, labels)


@register("autoencoder", partial(count_coder, 1))
def autoencoder(
    *,
    size: int = 28,
    classes: Sequence[str] = (),
    latent: int = 32,
    widths: Sequence[int] = (512, 256),
    architecture: Architecture = "dense",
    conditional: bool = False,
    likelihood: Likelihood = "bernoulli",
    contrast: float = 1.0,
    noise: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Autoencoder:
    """Build an autoencoder; the settings are those of `Autoencoder` and `generative.autoencoders.coder.Coder`."""
    return Autoencoder(
        size=size,
        classes=classes,
        latent=latent,
        widths=widths,
        architecture=architecture,
        conditional=conditional,
        likelihood=likelihood,
        contrast=contrast,
        noise=noise,
        generator=generator,
    )


def add_noise(images: npt.NDArray[np.float32], noise: float, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return images plus N(0, noise^2) at each pixel, clipped to [0, 1]."""
    noisy = images + np.float32(noise) * generator.standard_normal(images.shape, np.float32)
    return np.clip(noisy, 0, 1, out=noisy)


@register_objective("autoencoder")
def autoencoder_objective() -> Objective:
    """Return the objective of an autoencoder: the mean over the batch of L.

    Returns
    -------
    callable
        Reports ``squared_error``, the mean over the batch of sum (x - x')^2.
    """

    def objective(model: Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(model, Autoencoder)
        images, labels = batch[:2]
        seen = add_noise(images, model.noise, random.generator()) if model.noise else images
        logits = model(seen, labels)
        loss = reconstruction_loss(logits, images, model.likelihood)
        with no_grad():
            error = 2 * reconstruction_loss(logits, images, "gaussian")
        return loss, {"squared_error": error.item()}

    return objective
