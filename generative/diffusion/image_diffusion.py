"""What diffusion models of images have in common: from labels to noise, through a sampler, to images."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.diffusion import prediction, samplers, schedules
from generative.diffusion.prediction import Network
from generative.errors import SettingError
from generative.image_model import ImageModel, Images, Labels, check_case, check_labels

Array = npt.NDArray[Any]
MAX_SAMPLING_STEPS: Final = 1000


class ImageDiffusion(ImageModel):
    """A diffusion model of images; subclasses say in which space, and have the network.

    In ``__init__`` they set ``noise_shape`` and then call `set_up_sampling`; they define `network_for` and `to_images`.

    Attributes
    ----------
    chunk : int
        Images that are drawn together: enough for fast products, few enough for the processor's cache.
    clip : (float, float) or None
        Where the values of x_0 lie, if that is known.
    noise_shape : tuple of int
        Of what is denoised, without the batch.
    """

    chunk: int
    clip: tuple[float, float] | None = None
    noise_shape: tuple[int, ...]

    def set_up_sampling(
        self,
        *,
        schedule: str,
        parametrization: str,
        sampler: str,
        steps: int,
        guidance: float,
        interval: Sequence[float],
        start: float,
    ) -> None:
        """Decide how images are drawn.

        Parameters
        ----------
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

        Raises
        ------
        SettingError
            If one breaks its rule: now, not when the first image is drawn.
        """
        self.schedule, self.parametrization = schedules.get(schedule), parametrization
        self.sampler, self.steps, self.start = samplers.get(sampler), steps, start
        self.guidance, self.interval = guidance, (float(interval[0]), float(interval[1]))
        prediction.check_start(self.schedule, parametrization, start)
        self._denoise(*self._begin([], None, np.random.default_rng(0)), np.random.default_rng(0), None, None)

    def network_for(self, labels: Labels, case: Labels) -> Network:
        """Return the network under given conditions, without gradients; the label ``len(classes)`` means any."""
        raise NotImplementedError(f"{type(self).__name__} must define network_for()")

    def to_images(self, x: Array) -> Images:
        """Return the images (n, size, size) of what was denoised."""
        raise NotImplementedError(f"{type(self).__name__} must define to_images()")

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
            As there. The noise of the first k images depends on k and the generator only, not on what follows.
        steps : int, optional
            Of the sampler; by default the model's.
        guidance : float, optional
            See `generative.diffusion.prediction.guided`; by default the model's.
        """
        noise, chosen, cases = self._begin(labels, case, generator)
        images = np.empty((len(chosen), self.size, self.size), np.float32)
        for part in self._parts(len(chosen)):
            states = self._denoise(noise[part], chosen[part], cases[part], generator, steps, guidance)
            images[part] = self.to_images(samplers.last(states))
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
        """Yield the images after each step, all at once: noise at first, in the end what `sample` returns.

        Samplers that draw noise in every step give other images than `sample` where there are more than ``chunk``.
        """
        noise, chosen, cases = self._begin(labels, case, generator)
        ways = [
            self._denoise(noise[part], chosen[part], cases[part], generator, steps, guidance)
            for part in self._parts(len(chosen))
        ]
        for states in zip(*ways, strict=True):
            yield np.concatenate([self.to_images(state.x) for state in states])

    def _parts(self, n: int) -> list[slice]:
        return [slice(i, i + self.chunk) for i in range(0, n, self.chunk)]

    def _begin(
        self, labels: npt.ArrayLike, case: npt.ArrayLike | None, generator: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], Labels, Labels]:
        """Return the noise to begin with, and checked labels and cases."""
        chosen = check_labels(labels, len(self.classes))
        cases = check_case(case, len(chosen))
        return generator.standard_normal((len(chosen), *self.noise_shape), np.float32), chosen, cases

    def _denoise(
        self,
        noise: Array,
        labels: Labels,
        case: Labels,
        generator: np.random.Generator,
        steps: int | None,
        guidance: float | None,
    ) -> Iterator[samplers.State]:
        """Return the sampler at work."""
        n_steps = self.steps if steps is None else steps
        if not 1 <= n_steps <= MAX_SAMPLING_STEPS:
            raise SettingError(f"steps must be in 1..{MAX_SAMPLING_STEPS}, got {n_steps}")
        network = prediction.guided(
            self.network_for(labels, case),
            self.network_for(np.full_like(labels, len(self.classes)), np.zeros_like(case)),
            scale=self.guidance if guidance is None else guidance,
            interval=self.interval,
        )
        predict = prediction.predictor(network, self.schedule, self.parametrization, clip=self.clip)
        times = samplers.uniform_times(n_steps, self.start)
        return self.sampler(predict, noise, self.schedule, times, generator=generator)
