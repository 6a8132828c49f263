"""Density, coverage and recall by loops over single points: the naive twin of `generative.measures.metrics`."""

import math


def radius(point, others, k):
    return sorted(math.dist(point, other) for other in others)[k - 1]


def radii(points, k):
    return [radius(point, points[:i] + points[i + 1 :], k) for i, point in enumerate(points)]


def density_coverage_recall(real, made, k):
    """Of lists of points of one class."""
    hits = covered = recalled = 0
    made_radii = radii(made, k)
    for point, r in zip(real, radii(real, k), strict=True):
        distances = [math.dist(point, other) for other in made]
        hits += sum(d <= r for d in distances)
        covered += any(d <= r for d in distances)
        recalled += any(d <= own for d, own in zip(distances, made_radii, strict=True))
    return hits / (k * len(made)), covered / len(real), recalled / len(real)
