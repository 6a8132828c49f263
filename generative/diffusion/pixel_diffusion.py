r"""Diffusion in the space of pixels: a U-Net that learns to take noise out of images of a class.

Images run from -1 (paper) to 1 (ink), to be of the noise's size. The network may predict any parametrisation of
`generative.diffusion.prediction` on any schedule of `generative.diffusion.schedules`; the default is rectified flow,
velocity on the line from image to noise. Without a class (label dropped in training) it learns all images, and the
difference guides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from generative.diffusion import prediction, unet
from generative.diffusion.image_diffusion import ImageDiffusion
from generative.diffusion.prediction import Network, Parametrization
from generative.diffusion.unet import UNet
from generative.image_model import Images, Labels
from generative.training import register_objective
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import random
from nets.evaluation import Batch, Objective
from nets.graph import no_grad
from nets.layers import Module
from nets.layers.module import in_use
from nets.models import register
from nets.tensor import Operand, Tensor


class PixelDiffusion(ImageDiffusion):
    """A diffusion model of pixels; see the module. Built by ``nets.models.build("pixel-diffusion", ...)``.

    Parameters
    ----------
    size, classes
        As in `ImageModel`; the size is a multiple of 4.
    channels, blocks, condition
        Of the `UNet`.
    **sampling
        As in `ImageDiffusion.set_up_sampling`.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    chunk = 250
    clip = (-1.0, 1.0)

    def __init__(
        self,
        *,
        size: int,
        classes: Sequence[str],
        channels: Sequence[int],
        blocks: Sequence[int],
        condition: int,
        generator: np.random.Generator | None = None,
        **sampling: Any,
    ) -> None:
        self.size, self.classes = size, tuple(classes)
        self.network = UNet(size, len(self.classes), channels, blocks, condition, generator)
        self.noise_shape = (1, size, size)
        self.set_up_sampling(**sampling)

    def forward(self, x: Operand, t: npt.ArrayLike, labels: Operand) -> Tensor:
        """Predict from noisy images (n, 1, size, size) in about [-1, 1], times (n,) and labels (n,)."""
        return self.network(x, t, labels)  # type: ignore[no-any-return]

    def network_for(self, labels: Labels, case: Labels) -> Network:
        """Return the U-Net under given labels; it does not tell the cases of a letter apart."""

        def network(x_t: npt.NDArray[Any], t: float) -> npt.NDArray[Any]:
            with in_use(self), no_grad():
                return self(x_t, np.full(len(x_t), t), labels).numpy()  # type: ignore[no-any-return]

        return network

    def to_images(self, x: npt.NDArray[Any]) -> Images:
        """Map (n, 1, size, size), -1 paper and 1 ink, to (n, size, size) in [0, 1]."""
        return np.asarray(np.clip((x[:, 0] + 1) / 2, 0, 1), np.float32)


def _count(*, classes: Sequence[str], **settings: Any) -> int:
    return unet.count(n_classes=len(classes), **settings)


@register("pixel-diffusion", _count)
def pixel_diffusion(
    *,
    size: int = 28,
    classes: Sequence[str] = tuple("0123456789"),
    channels: Sequence[int] = (32, 64),
    blocks: Sequence[int] = (2, 4),
    condition: int = 128,
    schedule: str = "flow",
    parametrization: Parametrization = "flow",
    sampler: str = "heun",
    steps: int = 20,
    guidance: float = 1.5,
    interval: Sequence[float] = (0.2, 0.9),
    start: float = 1.0,
    generator: np.random.Generator | None = None,
) -> PixelDiffusion:
    """Build a diffusion model of pixels; the settings are those of `PixelDiffusion`."""
    return PixelDiffusion(
        size=size,
        classes=classes,
        channels=channels,
        blocks=blocks,
        condition=condition,
        schedule=schedule,
        parametrization=parametrization,
        sampler=sampler,
        steps=steps,
        guidance=guidance,
        interval=interval,
        start=start,
        generator=generator,
    )


@register_objective("pixel-diffusion")
def pixel_diffusion_objective(
    *, drop: float = 0.1, times: str = "logit-normal", mean: float = 0.0, std: float = 1.0
) -> Objective:
    """Return the objective of a `PixelDiffusion`: the mean square error of what its network predicts.

    Parameters
    ----------
    drop : float
        Share of the examples whose class is not told.
    times, mean, std
        Of `generative.diffusion.prediction.draw_times`.
    """

    def objective(model: Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(model, PixelDiffusion)
        rng = random.generator()
        images, labels = batch[:2]
        t = prediction.draw_times(len(images), rng, times, mean, std)
        told = prediction.drop_labels(labels, len(model.classes), drop, rng)
        x_t, t, target = prediction.noised(2 * images - 1, t, model.schedule, model.parametrization, rng)
        return F.mse_loss(model(x_t, t, told), target), {}

    return objective
