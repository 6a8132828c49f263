"""The kernels of `nets.data.warp` once more, in plain NumPy and SciPy."""

import numpy as np
from scipy import ndimage


def sample(image, y, x):
    """Return the brightness at points (y, x), bilinearly, with zeros outside."""
    padded = np.pad(image, 2)
    y, x = np.clip(y, -1, image.shape[0]) + 2, np.clip(x, -1, image.shape[1]) + 2
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    a, b = y - i, x - j
    upper = (1 - b) * padded[i, j] + b * padded[i, j + 1]
    lower = (1 - b) * padded[i + 1, j] + b * padded[i + 1, j + 1]
    return (1 - a) * upper + a * lower


def warp(images, index, maps, y, x, field=None):
    """Return each image under its map and, if there is one, its field of displacements."""
    grid = np.stack([*np.meshgrid(y, x, indexing="ij"), np.ones((len(y), len(x)))])
    points = np.einsum("nij,jrc->nirc", maps, grid)
    points += (np.array(images.shape[1:])[:, None, None] - 1) / 2
    if field is not None:
        points += field
    return np.stack([sample(images[k], *at) for k, at in zip(index, points, strict=True)])


def blur(images, sigmas, radius):
    """Return the images blurred by Gaussians that are cut off."""
    return np.stack(
        [
            ndimage.gaussian_filter(image, sigma, mode="constant", radius=radius) if sigma else image
            for image, sigma in zip(images, sigmas, strict=True)
        ]
    )
