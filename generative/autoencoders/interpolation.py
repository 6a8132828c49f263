"""From one image to another on a straight line through the latent space, and how an autoencoder's way differs.

An autoencoder's frames are sharper: nothing but the images decides where its codes lie. The noise of a VAE makes it
learn the neighbourhood of each code, and the prior draws the codes together, at the cost of blur. Whether that makes
the frames on the way clearer digits is a question for `generative.autoencoders.paths`; fewer latents have that effect
as well, so that only models with equally many tell. `side_by_side` shows the paths.

Examples
--------
>>> from nets import models
>>> import generative.recipes
>>> model = models.build("autoencoder", size=8, widths=[4], latent=2)
>>> start, end = np.zeros((2, 3, 8, 8), np.float32)
>>> interpolate(model, start, end, n_frames=5).shape
(3, 5, 8, 8)
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from generative.autoencoders.coder import Coder
from generative.errors import SettingError
from generative.image_model import Images
from nets.data import LabelledImages, as_float

Paths = npt.NDArray[np.float32]
"""ndarray of float32, shape (pairs, frames, size, size)."""
N_FRAMES: Final = 100


def choose_pairs(
    data: LabelledImages, first: str, second: str, n: int, generator: np.random.Generator | int = 0
) -> tuple[Images, Images]:
    """Return n images of a class and n of another, such as "2" and "7", in float, shape (n, size, size) each.

    Raises
    ------
    SettingError
        If there is no such class, or it has fewer images.
    """
    rng = np.random.default_rng(generator)
    chosen = []
    for name in (first, second):
        if name not in data.classes:
            raise SettingError(f"class must be one of {', '.join(data.classes)}, got {name!r}")
        indices = np.flatnonzero(data.labels == data.classes.index(name))
        if not 1 <= n <= len(indices):
            raise SettingError(f"pairs must be from 1 to the {len(indices)} images of {name}, got {n}")
        chosen.append(as_float(data.images[rng.choice(indices, n, replace=False)])[:, 0])
    return chosen[0], chosen[1]


def interpolate(model: Coder, starts: npt.ArrayLike, ends: npt.ArrayLike, n_frames: int = N_FRAMES) -> Paths:
    """Decode the points of the straight lines between the codes of images.

    Parameters
    ----------
    model : Coder
        An autoencoder, or a VAE, of which mu is taken; not conditional.
    starts, ends : array of float, shape (pairs, size, size)
    n_frames : int
        Points a line, both ends included.

    Returns
    -------
    ndarray of float32, shape (pairs, n_frames, size, size)
        The first and the last frame are the reconstructions of the two images.

    Raises
    ------
    SettingError
        If there are fewer than 2 frames, the shapes differ, or the model is conditional.
    """
    a, b = np.asarray(starts, np.float32), np.asarray(ends, np.float32)
    if n_frames < 2:
        raise SettingError(f"n_frames must be at least 2, got {n_frames}")
    if a.shape != b.shape or a.shape[1:] != (model.size, model.size):
        n = model.size
        raise SettingError(f"starts and ends must be of shape (pairs, {n}, {n}), got {a.shape} and {b.shape}")
    if model.conditional:
        raise SettingError("model must not be conditional: its codes hold the style, the class is given beside them")
    from_, to = model.code(a)[:, None], model.code(b)[:, None]
    t = np.linspace(0, 1, n_frames, dtype=np.float32)[:, None]
    codes = (1 - t) * from_ + t * to
    return model.draw(codes.reshape(-1, model.latent)).reshape(len(a), n_frames, model.size, model.size)


def mix_pixels(starts: npt.ArrayLike, ends: npt.ArrayLike, n_frames: int = N_FRAMES) -> Paths:
    """Return the cross-fade of images, which knows nothing of what they show: what a path should be better than."""
    a, b = np.asarray(starts, np.float32)[:, None], np.asarray(ends, np.float32)[:, None]
    t = np.linspace(0, 1, n_frames, dtype=np.float32)[:, None, None]
    return (1 - t) * a + t * b


# --- pictures ---


def side_by_side(paths: Sequence[npt.NDArray[np.float32]], *, scale: int = 8, gap: int = 2) -> Iterator[Images]:
    """Yield the frames of an animation, one path beside the other, as ink from 0 to 1.

    Parameters
    ----------
    paths : sequence of ndarray, shape (frames, size, size) each
        Such as the autoencoder's and the VAE's between the same two images.
    scale : int
        Pixels of the animation a pixel of the image, repeated.
    gap : int
        Pixels of the image between two, and around all.

    Yields
    ------
    ndarray of float32, shape (height, width)

    Raises
    ------
    SettingError
        If there is no path, or they differ in shape.
    """
    if not paths or any(path.shape != paths[0].shape for path in paths):
        raise SettingError(f"paths must be of one shape, got {[path.shape for path in paths]}")
    for frames in zip(*paths, strict=True):
        row = np.concatenate([np.pad(frame, ((gap, gap), (gap, 0))) for frame in frames], 1)
        yield np.pad(row, ((0, 0), (0, gap))).repeat(scale, 0).repeat(scale, 1)


def filmstrip(path: npt.NDArray[np.float32], n: int = 12) -> Images:
    """Return n frames of a path, evenly spaced, in a row: ndarray of float32, shape (size, n size)."""
    chosen = np.linspace(0, len(path) - 1, n).round().astype(int)
    return np.concatenate(list(path[chosen]), 1)
