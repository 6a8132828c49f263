"""What an autoencoder and a VAE have in common: an encoder, a decoder, and what an image's pixels are compared by."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from generative.autoencoders.networks import Architecture, Decoder, Encoder, Shape, one_hot
from generative.errors import SettingError
from generative.image_model import ImageModel, Images, check_labels
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.graph import no_grad
from nets.layers.module import in_use
from nets.tensor import Operand, Tensor, as_tensor

Likelihood = Literal["bernoulli", "gaussian"]
CHUNK = 512
"""Images that go through a network at a time, where nothing is learned."""


def reconstruction_loss(logits: Tensor, images: Operand, likelihood: Likelihood) -> Tensor:
    """Return how improbable images are for a decoder: the sum over pixels, the mean over the batch.

    With the decoder's logits l and x' = sigmoid(l), it is - log p(x) up to a constant:

    - "gaussian", p = N(x', 1): 1/2 sum (x - x')^2, with dL/dl = (x' - x) x' (1 - x')
    - "bernoulli": - sum (x log x' + (1 - x) log (1 - x')), with dL/dl = x' - x, which does not vanish where x' is
      nearly 0 or 1 and wrong. Grey pixels are taken as probabilities of ink.

    Parameters
    ----------
    logits : Tensor, shape (batch, 1, size, size)
    images : Tensor or array, shape (batch, 1, size, size)
        In [0, 1].
    likelihood : {"bernoulli", "gaussian"}
    """
    if likelihood == "bernoulli":
        total = F.binary_cross_entropy_with_logits(logits, images, "sum")
    else:
        total = 0.5 * F.mse_loss(logits.sigmoid(), images, "sum")
    return total / len(logits)


class Coder(ImageModel):
    """An encoder and a decoder; subclasses say what the codes are.

    Parameters
    ----------
    size, classes
        As in `generative.image_model.ImageModel`.
    n_codes : int
        Outputs of the encoder.
    latent, widths, architecture
        As in `generative.autoencoders.networks.Shape`.
    conditional : bool
        Whether both networks are told an image's class, so that the code need not hold it.
    likelihood : {"bernoulli", "gaussian"}
        See `reconstruction_loss`.
    contrast : float
        Factor of the logits when an image is shown, not in training; above 1 it sharpens edges.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    def __init__(
        self,
        *,
        size: int,
        classes: Sequence[str],
        n_codes: int,
        latent: int,
        widths: Sequence[int],
        architecture: Architecture,
        conditional: bool,
        likelihood: Likelihood,
        contrast: float,
        generator: np.random.Generator | None,
    ) -> None:
        if likelihood not in get_args(Likelihood):
            raise SettingError(f"likelihood must be one of {get_args(Likelihood)}, got {likelihood!r}")
        if not contrast > 0:
            raise SettingError(f"contrast must be positive, got {contrast!r}")
        if conditional and not classes:
            raise SettingError("classes must have at least one name for a conditional model, got none")
        self.size, self.classes, self.conditional = size, tuple(classes), conditional
        self.n_codes = n_codes
        self.latent, self.likelihood, self.contrast = latent, likelihood, float(contrast)
        shape = shape_of(size, classes, latent, widths, architecture, conditional)
        self.encoder = Encoder(shape, n_codes, generator)
        self.decoder = Decoder(shape, generator)

    def decode_logits(self, z: Operand, labels: npt.ArrayLike | None = None) -> Tensor:
        """Map codes (n, latent) to the logits of pixels (n, 1, size, size), which the loss is of."""
        z = as_tensor(z)
        logits: Tensor = self.decoder(z, self._condition(labels, z))
        return logits

    def decode(self, z: Operand, labels: npt.ArrayLike | None = None) -> Tensor:
        """Map codes (n, latent) to images in [0, 1], (n, 1, size, size): sigmoid(contrast * logits).

        Raises
        ------
        SettingError
            If the model is conditional and there are no labels, or one is out of range.
        """
        logits = self.decode_logits(z, labels)
        return (logits if self.contrast == 1 else self.contrast * logits).sigmoid()

    def code(self, images: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
        """Return the code of each image without any noise, (n, latent)."""
        raise NotImplementedError

    def _encode_all(self, images: npt.ArrayLike, labels: npt.ArrayLike | None) -> npt.NDArray[np.float32]:
        """Return the encoder's outputs, (n, n_codes), as an array, without gradients, in chunks."""
        batch = as_batch(images)
        codes = np.empty((len(batch), self.n_codes), np.float32)
        with in_use(self), no_grad():
            for i in range(0, len(batch), CHUNK):
                part = None if labels is None else np.asarray(labels)[i : i + CHUNK]
                codes[i : i + CHUNK] = self._run_encoder(batch[i : i + CHUNK], part).numpy()
        return codes

    def draw(self, z: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Images:
        """Return the images of codes (n, latent) as an array (n, size, size), without gradients, in chunks."""
        codes = np.asarray(z, np.float32)
        images = np.empty((len(codes), self.size, self.size), np.float32)
        with in_use(self), no_grad():
            for i in range(0, len(codes), CHUNK):
                part = None if labels is None else np.asarray(labels)[i : i + CHUNK]
                images[i : i + CHUNK] = self.decode(codes[i : i + CHUNK], part).numpy()[:, 0]
        return images

    def reconstruct(self, images: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Images:
        """Encode and decode images (n, 1, size, size) or (n, size, size); return an array (n, size, size)."""
        return self.draw(self.code(images, labels), labels)

    def _run_encoder(self, x: Operand, labels: npt.ArrayLike | None) -> Tensor:
        x = as_tensor(x)
        codes: Tensor = self.encoder(x, self._condition(labels, x))
        return codes

    def _condition(self, labels: npt.ArrayLike | None, like: Tensor) -> Tensor | None:
        """Return one-hot vectors where the model is conditional; labels given to one that is not do not count."""
        if not self.conditional:
            return None
        if labels is None:
            raise SettingError("labels must be given, for the model is conditional; got none")
        checked = check_labels(labels, len(self.classes))
        if len(checked) != len(like):
            raise SettingError(f"labels must be one an image, got {len(checked)} for {len(like)}")
        return one_hot(checked, len(self.classes), like)


def shape_of(
    size: int, classes: Sequence[str], latent: int, widths: Sequence[int], architecture: Architecture, conditional: bool
) -> Shape:
    """Return the sizes of a model's networks from its settings."""
    return Shape(
        size=size,
        latent=latent,
        widths=tuple(widths),
        architecture=architecture,
        n_conditions=len(classes) if conditional else 0,
    )


def count_coder(
    codes_per_latent: int,
    *,
    size: int,
    classes: Sequence[str],
    latent: int,
    widths: Sequence[int],
    architecture: Architecture,
    conditional: bool,
    **_: Any,
) -> int:
    """Return how many parameters a model has, from its settings, without building it."""
    shape = shape_of(size, classes, latent, widths, architecture, conditional)
    return shape.count_encoder(codes_per_latent * latent) + shape.count_decoder()


def as_batch(images: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return images (n, size, size) or (n, 1, size, size) as the latter."""
    array = np.asarray(images, np.float32)
    return array[:, None] if array.ndim == 3 else array
