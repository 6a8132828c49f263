"""Diffusion: a network learns to take noise out of points, and from time to time noise is turned into points."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from generative.diffusion.toys import PointDiffusion, learn_points, mean_distance
from server.workers.lessons.packing import looks, pack_units

N_DATA: Final = 600
N_POINTS: Final = 300
N_STEPS: Final = 1200
N_LOOKS: Final = 12
BATCH: Final = 128
WIDTH: Final = 64
DENOISING_STEPS: Final = 24
REACH: Final = 2.6
"""Half a side of the square that is shown."""


def lesson(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Learn ``data`` ("moons", "spirals" or "ring") with ``parametrization``, learning rate ``lr`` and ``seed``.

    "start" holds some of the data. Frames hold the step, how far what is drawn is from the nearest data
    (``distance``), and ``points``: where each point is before and after each step from noise to data, int8 of shape
    (step, point, 2).
    """
    ready()
    data = _data(arguments["data"], arguments["seed"])
    yield [
        "start",
        {
            "points": pack_units(data[:N_POINTS] / REACH),
            "n_points": N_POINTS,
            "reach": REACH,
            "denoising_steps": DENOISING_STEPS,
            "n_steps": N_STEPS,
        },
    ]
    learning = learn_points(
        data,
        seed=arguments["seed"],
        look=set(looks(N_STEPS, N_LOOKS)) - {1},
        steps=N_STEPS,
        batch_size=BATCH,
        lr=arguments["lr"],
        width=WIDTH,
        parametrization=arguments["parametrization"],
        start=0.99,  # at 1 a network that predicts the noise says nothing
    )
    for step, model in learning:
        ways = denoise(model, arguments["seed"])
        yield [
            "frame",
            {
                "step": step,
                "distance": round(mean_distance(ways[-1], data), 4),
                "points": pack_units(ways / REACH),
            },
        ]


def denoise(model: PointDiffusion, seed: int) -> npt.NDArray[np.float32]:
    """Return the ways of points from noise to data; it is the same noise each time."""
    noise = np.random.default_rng([seed, 1]).standard_normal((N_POINTS, 2), np.float32)
    states = model.denoise(N_POINTS, generator=np.random.default_rng([seed, 1]), sampler="heun", steps=DENOISING_STEPS)
    return np.stack([model.centre + model.spread * noise, *(state.x for state in states)])


def _data(name: str, seed: int) -> npt.NDArray[np.float32]:
    """Return points around the origin, shape (N_DATA, 2)."""
    if name == "moons":
        points = nets.data.moons(N_DATA, noise=0.06, generator=seed).points
        return (points - np.array([0.5, 0.25], np.float32)) * np.float32(1.3)
    if name == "spirals":
        return 1.8 * nets.data.spirals(N_DATA, turns=1.0, noise=0.015, generator=seed).points
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, N_DATA)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (1.5 * ring + 0.06 * random.standard_normal(ring.shape)).astype(np.float32)
