"""A generative adversarial network: a generator draws, a discriminator tells drawings from real images.

What each of them minimises is in `generative.gan.objective`.

References
----------
.. [1] I. Goodfellow et al., "Generative adversarial nets", 2014, arXiv:1406.2661.
.. [2] A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional generative
   adversarial networks", 2015, arXiv:1511.06434.
.. [3] M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014, arXiv:1411.1784.
.. [4] T. Miyato, M. Koyama, "cGANs with projection discriminator", 2018, arXiv:1802.05637.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from generative.gan.networks import conv_discriminator, conv_generator, dense_discriminator, dense_generator
from generative.image_model import ImageModel, Images, check_case, check_labels
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import models, ops
from nets.graph import no_grad
from nets.layers import Buffer, Module
from nets.layers.module import in_use
from nets.models import MAX_WIDTH
from nets.tensor import Operand, Tensor, as_tensor

Architecture = Literal["dense", "conv"]
MAKERS: Final = {
    "dense": (dense_generator, dense_discriminator),
    "conv": (conv_generator, conv_discriminator),
}
MAX_DEPTH: Final = 8
"""Hidden layers of each side."""
CHUNK: Final = 250
"""Images that are drawn at once."""


class GAN(ImageModel):
    """Generator G and discriminator D, of one image model.

    Built by ``nets.models.build("gan", ...)``.

    Attributes
    ----------
    generator : Module
        (n, latent + classes) -> images (n, 1, size, size) in (0, 1).
    discriminator : Module
        Images (n, 1, size, size) in [-1, 1] -> (n, 1 + classes), see `discriminate`.
    latent : int
        Length of the noise z, which is N(0, I).
    conditional : bool
        Whether G and D are told the class; if not, G draws whatever it likes.
    steps : Buffer
        Steps of training.
    """

    def __init__(
        self,
        generator: Module,
        discriminator: Module,
        *,
        size: int,
        classes: Sequence[str],
        latent: int,
        conditional: bool,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.size, self.classes, self.latent, self.conditional = size, tuple(classes), latent, conditional
        self.steps = Buffer(np.zeros((), np.int64))

    def count_step(self) -> int:
        """Return how many steps of training there were before, and count one more."""
        before = int(self.steps.item())
        if self.training:
            self.steps.copy_(np.int64(before + 1))
        return before

    def generate(self, z: Operand, labels: Operand) -> Tensor:
        """Map noise (n, latent) and labels (n,) to images (n, 1, size, size)."""
        inputs = as_tensor(z)
        if self.conditional:
            inputs = ops.cat([inputs, F.one_hot(labels, len(self.classes))], 1)
        images: Tensor = self.generator(inputs)
        return images

    forward = generate

    def discriminate(self, images: Operand, labels: Operand) -> Tensor:
        """Map images (n, 1, size, size) in [0, 1] and labels (n,) to logits (n,), positive for what looks real.

        A conditional D is a projection [4]_: with the last but one layer phi and the class y its logit is
        psi . phi(x) + v_y . phi(x). So the last layer has one output for psi and one for each v.
        """
        outputs: Tensor = self.discriminator(2 * as_tensor(images) - 1)
        if not self.conditional:
            return outputs[:, 0]
        return outputs[:, 0] + (outputs[:, 1:] * F.one_hot(labels, len(self.classes))).sum(1)

    def decode(self, z: npt.ArrayLike, labels: npt.ArrayLike) -> Images:
        """Draw the images of given noise, as on a path from one z to another.

        Parameters
        ----------
        z : array of float, shape (n, latent)
        labels : array of int, shape (n,)
            Without effect if the model is not conditional.

        Raises
        ------
        SettingError
            If a shape is wrong or a label out of range.
        """
        noise, chosen = np.asarray(z, np.float32), check_labels(labels, len(self.classes))
        if noise.shape != (len(chosen), self.latent):
            raise SettingError(f"z must have the shape ({len(chosen)}, {self.latent}), got {noise.shape}")
        images = np.empty((len(chosen), self.size, self.size), np.float32)
        with in_use(self), no_grad():
            for start in range(0, len(chosen), CHUNK):
                part = slice(start, start + CHUNK)
                images[part] = self.generate(noise[part], chosen[part]).numpy()[:, 0]
        return images

    def sample(
        self, labels: npt.ArrayLike, *, generator: np.random.Generator, case: npt.ArrayLike | None = None
    ) -> Images:
        """Draw one image a label, see `ImageModel.sample`; it does not tell upper from lower case."""
        chosen = check_labels(labels, len(self.classes))
        check_case(case, len(chosen))
        return self.decode(generator.standard_normal((len(chosen), self.latent), np.float32), chosen)


# --- building ---


def _count(
    *,
    size: int,
    classes: Sequence[str],
    architecture: str,
    latent: int,
    conditional: bool,
    generator_widths: Sequence[int],
    discriminator_widths: Sequence[int],
    generator_norm: bool,
    discriminator_norm: bool,
    **_: Any,
) -> int:
    """Return how many parameters `build` would make."""
    _check(size, classes, architecture, latent, generator_widths, discriminator_widths, 0.0)
    told = len(classes) if conditional else 0
    g, d, n_pixels = list(generator_widths), list(discriminator_widths), size * size
    if architecture == "dense":
        widths = [latent + told, *g, n_pixels], [n_pixels, *d, 1 + told]
        norms = 2 * (generator_norm * sum(g) + discriminator_norm * sum(d[1:]))
        return norms + sum((n_in + 1) * n_out for side in widths for n_in, n_out in pairwise(side))
    first, last = (size >> len(g)) ** 2 * g[0], (size >> len(d)) ** 2 * d[-1]
    linear = (latent + told + 1) * first + (last + 1) * (1 + told)
    kernels = sum(16 * n_in * n_out + n_out for side in ([*g, 1], [1, *d]) for n_in, n_out in pairwise(side))
    return linear + kernels + 2 * (generator_norm * sum(g) + discriminator_norm * sum(d[1:]))


@models.register("gan", _count)
def build(
    *,
    size: int = 28,
    classes: Sequence[str] = tuple("0123456789"),
    architecture: Architecture = "conv",
    latent: int = 64,
    conditional: bool = True,
    generator_widths: Sequence[int] = (64, 32),
    discriminator_widths: Sequence[int] = (32, 64),
    generator_norm: bool = True,
    discriminator_norm: bool = True,
    dropout: float = 0.0,
    generator: np.random.Generator | None = None,
) -> GAN:
    """Build a GAN.

    Parameters
    ----------
    size : int
        Height and width of the images; of a convolutional one a multiple of 2 to the number of widths.
    classes : sequence of str
    architecture : {"dense", "conv"}
        Fully connected as in [1]_, or convolutions and transposed convolutions 4 x 4 with stride 2 as in [2]_.
    latent : int
        Length of the noise.
    conditional : bool
        Tell G and D the class, after [3]_.
    generator_widths, discriminator_widths : sequence of int
        Neurons, or channels, of each hidden layer.
    generator_norm, discriminator_norm : bool
        Batch normalisation; never where D sees the image nor where it is drawn.
    dropout : float
        Of D's hidden layers.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.

    Raises
    ------
    SettingError
        If a setting breaks its rule.

    Notes
    -----
    Departures: [1]_ has maxout units in D and uniform noise; here are leaky rectifiers and normal noise, as in [4]_.
    [2]_ has images in [-1, 1] by tanh; a logistic sigmoid and a stretch before D are the same up to a factor 2 in
    the last sum. [3]_ gives the class to D beside the image; here D is a projection [4]_.
    """
    _check(size, classes, architecture, latent, generator_widths, discriminator_widths, dropout)
    inputs, outputs = latent + len(classes) * conditional, 1 + len(classes) * conditional
    make_g, make_d = MAKERS[architecture]
    return GAN(
        make_g(inputs, generator_widths, size, generator_norm, generator),
        make_d(size, discriminator_widths, outputs, discriminator_norm, dropout, generator),
        size=size,
        classes=classes,
        latent=latent,
        conditional=conditional,
    )


def _check(
    size: int,
    classes: Sequence[str],
    architecture: str,
    latent: int,
    generator_widths: Sequence[int],
    discriminator_widths: Sequence[int],
    dropout: float,
) -> None:
    if architecture not in MAKERS:
        raise SettingError(f"architecture must be one of {', '.join(MAKERS)}, got {architecture!r}")
    if not 0 <= dropout < 1:
        raise SettingError(f"dropout must be in [0, 1), got {dropout}")
    for name, widths in (("generator_widths", generator_widths), ("discriminator_widths", discriminator_widths)):
        if not 1 <= len(widths) <= MAX_DEPTH or any(type(n) is not int or not 1 <= n <= MAX_WIDTH for n in widths):
            raise SettingError(f"{name} must be 1 to {MAX_DEPTH} ints from 1 to {MAX_WIDTH}, got {list(widths)[:5]}")
        if architecture == "conv" and (size % 2 ** len(widths) or size < 2 ** len(widths)):
            raise SettingError(f"size must be a multiple of {2 ** len(widths)} for {name} {list(widths)}, got {size}")
    if latent < 1 or size < 1 or not classes:
        raise SettingError(
            f"latent, size and the number of classes must be at least 1, got {latent}, {size}, {classes}"
        )
