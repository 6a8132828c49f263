"""The smallest data sets: points that show in a second whether a network learns.

References
----------
.. [1] Fisher, R. A., "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7(2), 1936,
   table I. https://doi.org/10.1111/j.1469-1809.1936.tb02137.x
"""

import csv
import math
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from nets.data.dataset import LabelledPoints
from nets.errors import ArgumentError

Array = npt.NDArray[Any]


def xor() -> LabelledPoints:
    """Return the four points of exclusive or, which no line separates.

    Examples
    --------
    >>> for point, label in zip(xor().points.tolist(), xor().labels.tolist()):
    ...     print(point, label)
    [0.0, 0.0] 0
    [0.0, 1.0] 1
    [1.0, 0.0] 1
    [1.0, 1.0] 0
    """
    return _points(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0]), ("equal", "different"))


def moons(n: int, *, noise: float = 0.1, generator: np.random.Generator | int) -> LabelledPoints:
    """Return n points of two half circles of radius 1 that reach into each other.

    Parameters
    ----------
    n : int
        Number of points; half of them a class, the first class having the odd one.
    noise : float
        Standard deviation of what is added to both coordinates.
    generator : numpy.random.Generator or int
        Decides; an int is a seed.

    Raises
    ------
    ArgumentError
        If n is below 2, or ``noise`` is negative.
    """
    random, labels = _begin(n, 2, noise, generator)
    angle = random.uniform(0, math.pi, n)
    # The lower moon is the upper one, turned by half a circle and moved to (1, 0.5).
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(labels[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return _points(points + noise * random.standard_normal((n, 2)), labels, ("upper", "lower"))


def spirals(
    n: int, *, n_classes: int = 2, turns: float = 1.5, noise: float = 0.02, generator: np.random.Generator | int
) -> LabelledPoints:
    """Return n points of spirals that start in the middle and wind around each other within the unit circle.

    Parameters
    ----------
    n : int
        Number of points, equally many a class but for a remainder.
    n_classes : int
        Number of spirals.
    turns : float
        How often each goes around.
    noise : float
        Standard deviation of what is added to both coordinates.
    generator : numpy.random.Generator or int
        Decides; an int is a seed.

    Raises
    ------
    ArgumentError
        If there are fewer than 2 classes or fewer points than classes, or ``noise`` is negative.
    """
    random, labels = _begin(n, n_classes, noise, generator)
    # The root spreads the points evenly along a spiral, whose turns grow longer outwards.
    radius = np.sqrt(random.uniform(0.01, 1, n))
    angle = 2 * math.pi * (turns * radius + labels / n_classes)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    names = tuple(f"spiral {i}" for i in range(n_classes))
    return _points(points + noise * random.standard_normal((n, 2)), labels, names)


def iris() -> LabelledPoints:
    """Return Fisher's 150 irises: four lengths of each flower, three species of 50 [1]_.

    Notes
    -----
    The values are those of Fisher's table. The copy in the UCI repository differs in two flowers of setosa: number 35
    is 4.9, 3.1, 1.5, 0.2 here (UCI has 0.1 in the end), and number 38 is 4.9, 3.6, 1.4, 0.1 (UCI has 3.1, 1.5, 0.1).
    """
    with resources.files("nets.data").joinpath("iris.csv").open(encoding="ascii") as file:
        header, *rows = csv.reader(file)
    species = [row[-1] for row in rows]
    classes = tuple(dict.fromkeys(species))
    features = tuple(name.removesuffix("_cm").replace("_", " ") + " (cm)" for name in header[:-1])
    labels = np.array([classes.index(name) for name in species])
    return _points(np.array([row[:-1] for row in rows], np.float32), labels, classes, features)


def _begin(
    n: int, n_classes: int, noise: float, generator: np.random.Generator | int
) -> tuple[np.random.Generator, Array]:
    """Check, and return the generator and the labels: as many of each class as possible, in random order."""
    if not 2 <= n_classes <= 255:
        raise ArgumentError(f"n_classes must be in [2, 255], got {n_classes}")
    if n < n_classes:
        raise ArgumentError(f"n must be at least {n_classes}, one point a class, got {n}")
    if not 0 <= noise < math.inf:
        raise ArgumentError(f"noise must be finite and not negative, got {noise}")
    random = np.random.default_rng(generator)
    return random, random.permutation(np.arange(n) % n_classes)


def _points(
    points: Array, labels: Array, classes: tuple[str, ...], features: tuple[str, ...] = ("x", "y")
) -> LabelledPoints:
    return LabelledPoints(
        points=points.astype(np.float32), labels=labels.astype(np.uint8), classes=classes, features=features
    )
