"""What paths between images are like, in numbers: sharp or blurred, even or with jumps, through digits or nothing.

The judge of what is on the way is a classifier that was trained on real images: where an image is no clear digit, the
entropy of its probabilities is high, and where the path takes a detour, they change more than from one class to the
other.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.autoencoders.interpolation import N_FRAMES, Paths, choose_pairs, interpolate, mix_pixels
from generative.errors import SettingError
from generative.measures.classifier import Floats, entropy, probabilities
from generative.measures.metrics import laplacian_energy
from nets.layers import Module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from generative.autoencoders.coder import Coder
    from nets.data import LabelledImages

CLEAR: Final = 0.9
"""Probability from which on an image clearly is of a class."""


class Mean(NamedTuple):
    """A mean over pairs, with half of its 95 % interval."""

    value: float
    margin: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PathFigures:
    """What paths between pairs of images are like, one value a pair."""

    sharpness: Floats
    """Mean Laplacian energy of the frames, relative to the two real images of the pair."""
    sharpness_middle: Floats
    """The same of the middle third of the path alone."""
    entropy: Floats
    """Mean entropy of the classifier's probabilities over the frames, nats: 0 if each is clearly some class."""
    entropy_peak: Floats
    """Highest entropy on the path, nats."""
    unclear: Floats
    """Part of the frames that the classifier takes for no class with a probability of `CLEAR`."""
    longest_step: Floats
    """Longest step between consecutive frames, in pixels' Euclidean distance, relative to the path's mean step: 1 is
    even, much more is a jump."""
    wavering: Floats
    """Total variation of the probabilities along the path, each step from 0 to 1; 1 in all is the least between two
    clear classes, more is detours through others and back."""
    sharpness_curve: Floats
    """Sharpness of each frame, mean over pairs, shape (n_frames,)."""
    entropy_curve: Floats
    """Entropy of each frame, mean over pairs, shape (n_frames,)."""

    def mean(self, name: str) -> Mean:
        """Return the mean of a measure over pairs."""
        return _mean(getattr(self, name))

    def difference(self, other: "PathFigures", name: str) -> Mean:
        """Return how much greater a measure is here than on other paths between the same pairs, pair by pair.

        Pairs differ more from each other than models do, so that this interval is narrower than those of the means.
        """
        return _mean(getattr(self, name) - getattr(other, name))

    def as_dict(self) -> dict[str, Any]:
        """Return means with margins, and the curves, in JSON's types."""
        curves = {name: getattr(self, name).tolist() for name in ("sharpness_curve", "entropy_curve")}
        return {"n_pairs": len(self.sharpness), **{name: self.mean(name)._asdict() for name in MEASURES}, **curves}


MEASURES: Final = (
    "sharpness",
    "sharpness_middle",
    "entropy",
    "entropy_peak",
    "unclear",
    "longest_step",
    "wavering",
)


def measure_paths(paths: Paths, starts: npt.ArrayLike, ends: npt.ArrayLike, classifier: Module) -> PathFigures:
    """Measure paths, those of `interpolate`, or a straight mixture of pixels to compare with.

    Parameters
    ----------
    paths : ndarray of float32, shape (pairs, frames, size, size)
    starts, ends : array of float, shape (pairs, size, size)
        The real images.
    classifier : Module
        Maps (batch, 1, size, size) to logits; trained on real images.

    Raises
    ------
    SettingError
        If shapes do not fit.
    """
    n_pairs, n_frames = paths.shape[:2]
    if np.shape(starts) != (n_pairs, *paths.shape[2:]) or np.shape(ends) != np.shape(starts) or n_frames < 3:
        raise SettingError(f"paths of shape {paths.shape} do not fit images of {np.shape(starts)}, {np.shape(ends)}")
    real = (laplacian_energy(np.asarray(starts)) + laplacian_energy(np.asarray(ends))) / 2
    flat = paths.reshape(-1, *paths.shape[2:])
    sharpness = laplacian_energy(flat).reshape(n_pairs, n_frames) / real[:, None]
    p = probabilities(classifier, flat).reshape(n_pairs, n_frames, -1)
    unsure = entropy(p)
    steps = np.sqrt(np.square(np.diff(paths.astype(np.float64), axis=1)).sum((2, 3)))
    changes = np.abs(np.diff(p, axis=1)).sum(-1) / 2
    middle = slice(n_frames // 3, n_frames - n_frames // 3)
    return PathFigures(
        sharpness=sharpness.mean(1),
        sharpness_middle=sharpness[:, middle].mean(1),
        entropy=unsure.mean(1),
        entropy_peak=unsure.max(1),
        unclear=(p.max(-1) < CLEAR).mean(1),
        longest_step=steps.max(1) / np.maximum(steps.mean(1), 1e-12),
        wavering=changes.sum(1),
        sharpness_curve=sharpness.mean(0),
        entropy_curve=unsure.mean(0),
    )


def compare_paths(
    models: "Mapping[str, Coder]",
    data: "LabelledImages",
    classifier: Module,
    *,
    first: str = "2",
    second: str = "7",
    n_pairs: int = 200,
    n_frames: int = N_FRAMES,
    generator: np.random.Generator | int = 0,
) -> dict[str, PathFigures]:
    """Measure the paths of several models between the same pairs of images, and the cross-fade of their pixels.

    Parameters
    ----------
    models : mapping of str to Coder
        By the name that the figures shall have.
    data : LabelledImages
        Images that no model was trained with.
    classifier : Module
        As in `measure_paths`.
    first, second : str
        Names of the two classes.
    n_pairs, n_frames : int
        Paths, and frames of each.
    generator : numpy.random.Generator or int
        Chooses the pairs.

    Returns
    -------
    dict of str to PathFigures
        "cross-fade" is the last.
    """
    starts, ends = choose_pairs(data, first, second, n_pairs, generator)
    paths = {name: interpolate(model, starts, ends, n_frames) for name, model in models.items()}
    paths["cross-fade"] = mix_pixels(starts, ends, n_frames)
    return {name: measure_paths(path, starts, ends, classifier) for name, path in paths.items()}


def _mean(values: Floats) -> Mean:
    margin = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    return Mean(float(values.mean()), float(margin))


def plot_paths(axes: "Sequence[Axes]", figures: dict[str, PathFigures]) -> "Sequence[Axes]":
    """Draw sharpness and the classifier's entropy along the path on two axes, a line a model."""
    for name, measured in figures.items():
        t = np.linspace(0, 1, len(measured.sharpness_curve))
        axes[0].plot(t, measured.sharpness_curve, label=name)
        axes[1].plot(t, measured.entropy_curve, label=name)
    axes[0].set(xlabel="place on the path", ylabel="sharpness, relative to real images", ylim=(0, None))
    axes[1].set(xlabel="place on the path", ylabel="entropy of the classifier, nats", ylim=(0, None))
    axes[0].legend()
    return axes
