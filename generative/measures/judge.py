"""A classifier of real images, by which made images are measured: what it reads, and how it describes them.

It is trained by ``game2048 nets emnist --model judge`` on real images only, and knows nothing of any image model. Its
features are those of its second last fully connected layer, as in [1]_ those of the Inception network: images that a
reader would take for alike are near each other there, which in pixels they are not.

References
----------
.. [1] M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017,
   arXiv:1706.08500, section "Experiments".

Notes
-----
Features are taken before the layer's rectifier, where they are much nearer to a Gaussian, which is what the Frechet
distance takes them for: after it half of them are 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.errors import ModelError, SettingError
from generative.image_model import Images
from nets import checkpoint
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.data import as_float
from nets.errors import CheckpointError, NetsError
from nets.graph import no_grad
from nets.layers import Linear, Module, Sequential
from nets.layers.module import in_use
from nets.tensor import Tensor

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
BATCH_SIZE: Final = 500
"""Images at a time; more of them are not faster."""
HOW_TO_TRAIN: Final = "train one with: game2048 nets emnist --model judge --out runs/judge"


class Verdict(NamedTuple):
    """What a judge says of n images."""

    features: Floats
    """ndarray of float64, shape (n, d): how it describes each image."""
    probabilities: Floats
    """ndarray of float64, shape (n, classes): how likely it takes each class to be."""

    @property
    def guesses(self) -> npt.NDArray[np.int64]:
        """The most likely class of each image, ndarray of int64, shape (n,)."""
        return np.asarray(self.probabilities.argmax(1), np.int64)


class Judge:
    """A trained classifier with an embedding.

    Parameters
    ----------
    model : Sequential
        Grey images, float32 (batch, 1, size, size), -> scores of the classes; its second last `nets.layers.Linear`
        gives the features. See the recipes "judge" of `nets.recipes`.
    classes : sequence of str
        What the outputs stand for.
    size : int
        Height and width of the images.
    data : str
        What it was trained on.
    accuracy : float or None
        Part of the real test images that it reads right, where that is known.

    Raises
    ------
    ModelError
        If the model has no such layer, or not one output a class.
    """

    def __init__(
        self,
        model: Module,
        classes: Sequence[str],
        *,
        size: int = 28,
        data: str = "",
        accuracy: float | None = None,
    ) -> None:
        self.classes, self.size, self.data, self.accuracy = tuple(classes), size, data, accuracy
        layers = list(model) if isinstance(model, Sequential) else []
        linear = [i for i, layer in enumerate(layers) if isinstance(layer, Linear)]
        if len(linear) < 2:
            raise ModelError(
                f"a judge needs an embedding, two fully connected layers in a row of layers; {HOW_TO_TRAIN}"
            )
        embedding, last = layers[linear[-2]], layers[linear[-1]]
        assert isinstance(embedding, Linear)
        assert isinstance(last, Linear)
        self._body, self._embedding = Sequential(*layers[: linear[-2]]), embedding
        self._head = Sequential(*layers[linear[-2] + 1 :])
        n_outputs = last.weight.shape[0]
        if n_outputs != len(self.classes):
            raise ModelError(f"a judge needs one output a class, got {n_outputs} for {len(self.classes)} classes")

    def __call__(self, images: npt.ArrayLike) -> Verdict:
        """Describe images and guess what they are.

        Parameters
        ----------
        images : array of float in [0, 1] or of uint8, shape (n, size, size)

        Raises
        ------
        SettingError
            If they are anything else.
        """
        given = check_images(images, self.size)
        features, probabilities = [], []
        with in_use(self._body), in_use(self._head), no_grad():
            for start in range(0, len(given), BATCH_SIZE):
                described, scores = self._look(Tensor(given[start : start + BATCH_SIZE, None]))
                features.append(described.numpy())
                probabilities.append(F.softmax(scores).numpy())
        return Verdict(_joined(features), _joined(probabilities))

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features and the scores of a batch."""
        layer = self._embedding
        features = F.linear(self._body(images), layer.weight, layer.bias)
        return features, self._head(F.activation(layer.activation)(features))

    def features(self, images: npt.ArrayLike) -> Floats:
        """Return how the judge describes images, ndarray of float64, shape (n, d)."""
        return self(images).features

    def probabilities(self, images: npt.ArrayLike) -> Floats:
        """Return what the judge takes images for, ndarray of float64, shape (n, classes)."""
        return self(images).probabilities


def load_judge(path: str | Path, classes: Sequence[str] | None = None, size: int | None = None) -> Judge:
    """Load a judge.

    Parameters
    ----------
    path : path
        The folder of its run, or its file.
    classes : sequence of str, optional
        Those that are to be judged.
    size : int, optional
        Height and width of the images that are to be judged.

    Raises
    ------
    ModelError
        If there is none, it is damaged, it is no judge, or one of other classes or of images of another size.
    """
    path = Path(path)
    if not path.exists() or (path.is_dir() and not (path / checkpoint.FILE_NAME).is_file()):
        raise ModelError(f"no judge at {path}; {HOW_TO_TRAIN}")
    try:
        model, notes = checkpoint.load(path), checkpoint.read_notes(path)
    except CheckpointError as error:
        raise ModelError(str(error)) from error
    config = getattr(model, "config", {})
    if not isinstance(notes.get("classes"), list) or "size" not in config:
        raise ModelError(f"{path} does not say which classes and images it judges; {HOW_TO_TRAIN}")
    found, found_size = [str(name) for name in notes["classes"]], int(config["size"])
    if classes is not None and found != list(classes):
        raise ModelError(f"{path} judges the classes {_listed(found)}, not {_listed(classes)}")
    if size is not None and found_size != size:
        raise ModelError(f"{path} judges images of {found_size} x {found_size} pixels, not of {size} x {size}")
    test = notes.get("test")
    accuracy = test.get("accuracy") if isinstance(test, dict) else None
    return Judge(
        model,
        found,
        size=found_size,
        data=str(notes.get("data", "")),
        accuracy=None if accuracy is None else float(accuracy),
    )


def check_images(images: npt.ArrayLike, size: int, name: str = "images") -> Images:
    """Return images as float32.

    Raises
    ------
    SettingError
        If they are not uint8, or floats in [0, 1], of shape (n, size, size).
    """
    array = np.asarray(images)
    if array.ndim != 3 or array.shape[1:] != (size, size):
        raise SettingError(f"{name} must have the shape (n, {size}, {size}), got {array.shape}")
    try:
        return as_float(array)[:, 0]
    except NetsError as error:
        raise SettingError(str(error).replace("images", name, 1)) from error


def _joined(parts: list[Array]) -> Floats:
    if not parts:
        raise SettingError("images must be at least one, got none")
    return np.concatenate(parts).astype(np.float64)


def _listed(classes: Sequence[str]) -> str:
    names = ", ".join(classes)
    return names if len(names) <= 60 else f"{names[:60]} ..."
