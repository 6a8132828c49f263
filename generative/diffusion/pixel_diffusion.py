r"""Diffusion in the space of pixels: a U-Net that learns to take noise out of images of a class.

Images run from -1 (paper) to 1 (ink), to be of the noise's size. The network may predict any parametrisation of
`generative.diffusion.prediction` on any schedule of `generative.diffusion.schedules`; the default is rectified flow,
velocity on the line from image to noise. Without a class (label dropped in training) it learns all images, and the
difference guides.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.diffusion import prediction, samplers, schedules, unet
from generative.diffusion.prediction import Network, Parametrization
from generative.diffusion.samplers import State
from generative.diffusion.unet import UNet
from generative.errors import SettingError
from generative.image_model import ImageModel, Images, Labels, check_labels
from generative.training import register_objective
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import random
from nets.evaluation import Batch, Objective
from nets.graph import no_grad
from nets.layers import Module
from nets.layers.module import in_use
from nets.models import register
from nets.tensor import Operand, Tensor

CHUNK: Final = 250
"""Images that are drawn together; more take more memory, and are not faster."""
MAX_SAMPLING_STEPS: Final = 1000
N_CASES: Final = 3
"""0 either, 1 upper, 2 lower; see `ImageModel.sample`."""


class PixelDiffusion(ImageModel):
    """A diffusion model of pixels; see the module. Built by ``nets.models.build("pixel-diffusion", ...)``.

    Parameters
    ----------
    size, classes
        As in `ImageModel`; the size is a multiple of 4.
    channels, blocks, condition
        Of the `UNet`.
    schedule : str
        Name in `generative.diffusion.schedules.SCHEDULES`.
    parametrization : str
        What the network predicts, see `generative.diffusion.prediction`.
    sampler : str
        Name in `generative.diffusion.samplers.SAMPLERS`.
    steps : int
        Of the sampler.
    guidance : float
        See `generative.diffusion.prediction.guided`.
    interval : (float, float)
        The times in which there is guidance.
    start : float
        Time at which sampling begins; below 1 where the parametrisation says nothing at 1.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    def __init__(
        self,
        *,
        size: int,
        classes: Sequence[str],
        channels: Sequence[int],
        blocks: Sequence[int],
        condition: int,
        schedule: str,
        parametrization: Parametrization,
        sampler: str,
        steps: int,
        guidance: float,
        interval: Sequence[float],
        start: float,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.size, self.classes = size, tuple(classes)
        self.schedule, self.parametrization = schedules.get(schedule), parametrization
        self.sampler, self.steps, self.start = samplers.get(sampler), steps, start
        self.guidance, self.interval = guidance, (float(interval[0]), float(interval[1]))
        self.network = UNet(size, len(self.classes), channels, blocks, condition, generator)
        # What breaks a rule is an error now, not when the first image is drawn.
        prediction.check_start(self.schedule, parametrization, start)
        rng = np.random.default_rng(0)
        labels, noise = self._start([], None, rng)
        self._denoise(noise, labels, rng, None, None)

    def forward(self, x: Operand, t: npt.ArrayLike, labels: Operand) -> Tensor:
        """Predict from noisy images (n, 1, size, size) in about [-1, 1], times (n,) and labels (n,)."""
        return self.network(x, t, labels)  # type: ignore[no-any-return]

    def sample(
        self,
        labels: npt.ArrayLike,
        *,
        generator: np.random.Generator,
        case: npt.ArrayLike | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Images:
        """Draw one image a label; see `ImageModel.sample`.

        Parameters
        ----------
        labels, generator, case
            As there; the digits and letters of a class are not told apart by their case.
        steps : int, optional
            Of the sampler; by default the model's.
        guidance : float, optional
            See `generative.diffusion.prediction.guided`; by default the model's.
        """
        chosen, noise = self._start(labels, case, generator)
        images = np.empty((len(chosen), self.size, self.size), np.float32)
        for i in range(0, len(chosen), CHUNK):
            part = slice(i, i + CHUNK)
            images[part] = to_images(
                samplers.last(self._denoise(noise[part], chosen[part], generator, steps, guidance))
            )
        return images

    def sample_steps(
        self,
        labels: npt.ArrayLike,
        *,
        generator: np.random.Generator,
        case: npt.ArrayLike | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Iterator[Images]:
        """Yield the images after each step, all at once, in the end what `sample` returns.

        Samplers that draw noise in every step give other images than `sample` where there are more than `CHUNK`.
        """
        chosen, noise = self._start(labels, case, generator)
        for state in self._denoise(noise, chosen, generator, steps, guidance):
            yield to_images(state.x)

    def _start(
        self, labels: npt.ArrayLike, case: npt.ArrayLike | None, generator: np.random.Generator
    ) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Return checked labels, and the noise to begin with."""
        chosen = check_labels(labels, len(self.classes))
        if case is not None and len(check_labels(case, N_CASES, "case")) != len(chosen):
            raise SettingError(f"case must have one value a label, got {np.size(case)} for {len(chosen)}")
        return chosen, generator.standard_normal((len(chosen), 1, self.size, self.size), np.float32)

    def _denoise(
        self,
        noise: npt.NDArray[np.float32],
        labels: Labels,
        generator: np.random.Generator,
        steps: int | None,
        guidance: float | None,
    ) -> Iterator[State]:
        """Return the sampler at work on some images."""
        n_steps = self.steps if steps is None else steps
        if not 1 <= n_steps <= MAX_SAMPLING_STEPS:
            raise SettingError(f"steps must be in 1..{MAX_SAMPLING_STEPS}, got {n_steps}")
        network = self._guided(labels, self.guidance if guidance is None else guidance)
        predict = prediction.predictor(network, self.schedule, self.parametrization, clip=(-1.0, 1.0))
        times = samplers.uniform_times(n_steps, self.start)
        return self.sampler(predict, noise, self.schedule, times, generator=generator)

    def _guided(self, labels: Labels, guidance: float) -> Network:
        no_class = np.full_like(labels, len(self.classes))
        return prediction.guided(self._network(labels), self._network(no_class), scale=guidance, interval=self.interval)

    def _network(self, labels: Labels) -> Network:
        def network(x_t: npt.NDArray[Any], t: float) -> npt.NDArray[Any]:
            with in_use(self), no_grad():
                return self(x_t, np.full(len(x_t), t), labels).numpy()  # type: ignore[no-any-return]

        return network


def to_images(x: npt.NDArray[Any]) -> Images:
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
