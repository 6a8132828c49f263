"""Random distortions of a batch of images: affine and elastic, each by one bilinear resampling.

For the form of the images see `nets.data.augment`; for the kernels, `nets.data.warp`.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nets.data.augment import RandomTransform, check_images, check_not_negative
from nets.errors import ArgumentError

Array = npt.NDArray[Any]


class RandomAffine(RandomTransform):
    """Shift, turn, stretch and slant each image by its own random amounts, in one bilinear resampling.

    Parameters
    ----------
    shift : float
        Up to so many pixels up or down, and left or right.
    rotation : float
        Up to so many degrees either way.
    scale : float
        Height and width are multiplied by factors of their own, each from [1 - scale, 1 + scale].
    shear : float
        Up to so many pixels to either side for each pixel up.
    generator : numpy.random.Generator or int
        Decides, with uniform distributions; an int is a seed.

    Raises
    ------
    ArgumentError
        If an amount is negative or infinite, or ``scale`` is 1 or more.
    """

    def __init__(
        self,
        *,
        shift: float = 0.0,
        rotation: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
        generator: np.random.Generator | int,
    ) -> None:
        super().__init__(generator)
        self.shift = check_not_negative("shift", shift)
        self.rotation = check_not_negative("rotation", rotation)
        self.scale = check_not_negative("scale", scale)
        self.shear = check_not_negative("shear", shear)
        if scale >= 1:
            raise ArgumentError(f"scale must be in [0, 1), got {scale}")

    def __call__(self, images: Array) -> Array:
        """Return the batch, each image in its new place."""
        from nets.data.warp import warp_affine  # loads Numba

        check_images("RandomAffine", images)
        height, width = images.shape[-2:]
        flat, index = _flatten(images)
        out = np.empty_like(flat)
        maps = _per_channel(self.maps(len(images)).astype(images.dtype), images)
        warp_affine(flat, index, maps, offsets(height, images.dtype), offsets(width, images.dtype), out)
        return out.reshape(images.shape)

    def maps(self, n: int) -> npt.NDArray[np.float64]:
        """Draw n maps from offsets in the output to offsets in the image; shape (n, 2, 3), rows y and x."""
        shift_y, shift_x, turn, height, width, slant = self.generator.uniform(-1.0, 1.0, (6, n))
        return inverse_maps(
            shift=(self.shift * shift_y, self.shift * shift_x),
            radians=np.deg2rad(self.rotation) * turn,
            scale=(1 + self.scale * height, 1 + self.scale * width),
            shear=self.shear * slant,
        )


def inverse_maps(
    *, shift: tuple[Array, Array], radians: Array, scale: tuple[Array, Array], shear: Array
) -> npt.NDArray[np.float64]:
    """Return the maps from output to image that scale, then slant to the right, then turn clockwise, then shift.

    With an image's point p = (y, x) and the output's q, both as offsets from the middle, y downwards,
    q = R H S p + t, where S = diag(scale), H = [[1, 0], [-shear, 1]] and R = [[c, s], [-s, c]] with the cosine and
    sine of the angle; so p = S^-1 H^-1 R^-1 (q - t).

    Parameters
    ----------
    shift, scale : pair of ndarray, shape (n,)
        For y and x; pixels and factors.
    radians, shear : ndarray, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n, 2, 3)
    """
    c, s = np.cos(radians), np.sin(radians)
    maps = np.empty((len(radians), 2, 3))
    maps[:, 0, 0], maps[:, 0, 1] = c / scale[0], -s / scale[0]
    maps[:, 1, 0], maps[:, 1, 1] = (s + shear * c) / scale[1], (c - shear * s) / scale[1]
    maps[:, 0, 2] = -maps[:, 0, 0] * shift[0] - maps[:, 0, 1] * shift[1]
    maps[:, 1, 2] = -maps[:, 1, 0] * shift[0] - maps[:, 1, 1] * shift[1]
    return maps


class ElasticDistortion(RandomTransform):
    """Displace each point by a smooth random field, as if a hand had trembled.

    The field is noise, uniform in [-1, 1] and independent for each pixel and both directions, convolved with a
    Gaussian of standard deviation ``sigma`` and multiplied by ``alpha`` [1]_.

    Parameters
    ----------
    alpha : float
        The strength; the standard deviation of a displacement is about alpha / (6.1 sigma) pixels.
    sigma : float
        The stiffness, in pixels: small values crumple, large ones shift.
    affine : RandomAffine, optional
        Done in the same resampling: each resampling blurs, so one is better than two.
    generator : numpy.random.Generator or int
        Decides; an int is a seed.

    Raises
    ------
    ArgumentError
        If ``alpha`` is negative or ``sigma`` is not positive, or one of them infinite.

    Notes
    -----
    Noise is drawn every ``sigma`` pixels instead of at each, and made stronger in return: a Gaussian of that width
    leaves nothing of finer noise, and the covariance of the field stays the same within 0.1 %. It has 256 levels
    instead of real numbers, and goes on beyond the borders. The default values are the paper's, for images of 29 x 29
    pixels.

    References
    ----------
    .. [1] Simard, P. Y., Steinkraus, D. and Platt, J. C., "Best practices for convolutional neural networks applied
       to visual document analysis", ICDAR 2003, section 2. https://doi.org/10.1109/ICDAR.2003.1227801
    """

    def __init__(
        self,
        *,
        alpha: float = 34.0,
        sigma: float = 4.0,
        affine: RandomAffine | None = None,
        generator: np.random.Generator | int,
    ) -> None:
        super().__init__(generator)
        self.alpha = check_not_negative("alpha", alpha)
        if not 0 < sigma < math.inf:
            raise ArgumentError(f"sigma must be positive and finite, got {sigma}")
        self.sigma = sigma
        self.affine = affine

    def __call__(self, images: Array) -> Array:
        """Return the batch, each image distorted."""
        from nets.data.warp import warp_elastic

        check_images("ElasticDistortion", images)
        height, width = images.shape[-2:]
        flat, index = _flatten(images)
        out = np.empty_like(flat)
        maps = (
            np.broadcast_to(np.eye(2, 3), (len(images), 2, 3)) if self.affine is None else self.affine.maps(len(images))
        )
        warp_elastic(
            flat,
            index,
            _per_channel(maps.astype(images.dtype), images),
            offsets(height, images.dtype),
            offsets(width, images.dtype),
            _per_channel(self.field(len(images), height, width, images.dtype), images),
            out,
        )
        return out.reshape(images.shape)

    def field(self, n: int, height: int, width: int, dtype: npt.DTypeLike = np.float32) -> Array:
        """Draw n fields of displacements (dy, dx) in pixels, shape (n, 2, height, width)."""
        from nets.data.warp import smooth

        down, across = _bumps(height, self.sigma), _bumps(width, self.sigma)
        shape = (n * 2, down.shape[1], across.shape[1])
        # Bytes -128..127 are the cheapest noise; doubled and moved by 1 they are odd numbers from -255 to 255.
        levels = np.frombuffer(self.generator.bytes(math.prod(shape)), np.int8).reshape(shape)
        noise = 2 * levels.astype(np.int16) + 1
        columns = np.zeros((across.shape[1], -(-width // 32) * 32), dtype)
        columns[:, :width] = across.T
        out = np.empty((n * 2, height, width), dtype)
        smooth(noise, (self.alpha / 255 * down).astype(dtype), columns, out)
        return out.reshape(n, 2, height, width)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the generators."""
        affine = {} if self.affine is None else {"affine": self.affine.state_dict()}
        return super().state_dict() | affine

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        super().load_state_dict(state)
        if self.affine is not None:
            self.affine.load_state_dict(state["affine"])


def _bumps(length: int, sigma: float) -> npt.NDArray[np.float64]:
    """Return what each noise value adds to each pixel of a row: Gaussians a spacing apart, shape (length, values).

    The spacing is h = max(sigma, 1) pixels. They reach 2.5 sigma beyond both ends, so that the borders move as much as
    the middle. The factor sqrt(h) keeps the variance of the sum as it is with noise at each pixel.
    """
    spacing = max(sigma, 1.0)
    n_values = math.ceil((length - 1 + 5 * sigma) / spacing) + 1
    centres = (length - 1) / 2 + spacing * (np.arange(n_values) - (n_values - 1) / 2)
    reach = np.arange(-math.ceil(6 * sigma), math.ceil(6 * sigma) + 1)
    total = np.exp(-0.5 * (reach / sigma) ** 2).sum()
    bumps = np.exp(-0.5 * ((np.arange(length)[:, None] - centres) / sigma) ** 2)
    return np.asarray(math.sqrt(spacing) / total * bumps)


def offsets(length: int, dtype: npt.DTypeLike) -> Array:
    """Return the positions of pixels relative to the middle.

    >>> offsets(4, np.float32)
    array([-1.5, -0.5,  0.5,  1.5], dtype=float32)
    """
    return (np.arange(length) - (length - 1) / 2).astype(dtype)


def _flatten(images: Array) -> tuple[Array, npt.NDArray[np.intp]]:
    """Return the channels of all images as images, shape (n * channels, height, width), and their indices."""
    flat = np.ascontiguousarray(images).reshape(-1, *images.shape[-2:])
    return flat, np.arange(len(flat))


def _per_channel(values: Array, images: Array) -> Array:
    """Repeat what belongs to each image for each of its channels."""
    return values if images.ndim == 3 or images.shape[1] == 1 else values.repeat(images.shape[1], axis=0)
