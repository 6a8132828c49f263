"""Backpropagation: a small network learns to tell points of the plane apart, and bends the plane to do so.

The last hidden layer has two neurons: where they send each point of the plane can be drawn. The network itself can only
draw a straight line there, so that it has to bend the plane until one is enough.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.graph import no_grad
from server.workers.lessons.packing import looks, pack, pack_units, rounded

N_STEPS: Final = 600
N_LOOKS: Final = 60
MOMENTUM: Final = 0.9
REACH: Final = 1.6
"""Half a side of the part of the plane that is shown."""
MAP_SIDE: Final = 48
GRID_LINES: Final = 13
GRID_STEPS: Final = 37
"""Points along each line of the grid that is bent, so that bends look round."""


def lesson(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Learn ``data`` ("xor" or "moons") with ``width`` neurons, learning rate ``lr``, ``seed``.

    Frames hold: step, loss, how many points are ``right``; ``map``, the probability of the second class on a grid
    (uint8); ``grid`` and ``bent``, where the last hidden layer sends a grid of lines and the points (int8);
    ``weights`` and ``grads``, layer after layer, a matrix (out, in) and its biases each.
    """
    ready()
    points, labels = _data(arguments["data"], arguments["seed"])
    nets.manual_seed(arguments["seed"])
    hidden = nets.Sequential(
        nets.Linear(2, arguments["width"], activation="tanh"), nets.Linear(arguments["width"], 2, activation="tanh")
    )
    output = nets.Linear(2, 1)
    parameters = [*hidden.parameters(), *output.parameters()]
    optimizer = nets.optim.SGD(parameters, lr=arguments["lr"], momentum=MOMENTUM)
    targets = labels[:, None].astype(np.float32)
    yield [
        "start",
        {
            "layers": [2, arguments["width"], 2, 1],
            "reach": REACH,
            "points": rounded(points, 3),
            "labels": labels.tolist(),
            "map_side": MAP_SIDE,
            "grid_lines": GRID_LINES,
            "grid_steps": GRID_STEPS,
            "n_steps": N_STEPS,
        },
    ]
    wanted = set(looks(N_STEPS, N_LOOKS))
    for step in range(N_STEPS + 1):
        logits = output(hidden(points))
        loss = F.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        if step in wanted:
            yield [
                "frame",
                {
                    "step": step,
                    "loss": loss.item(),
                    "right": int(((logits.numpy() > 0) == (targets > 0.5)).sum()),
                    "map": pack(_map(hidden, output)),
                    "grid": pack_units(_forward(hidden, _grid())),
                    "bent": pack_units(_forward(hidden, points)),
                    "weights": rounded(np.concatenate([p.numpy().ravel() for p in parameters])),
                    "grads": rounded(np.concatenate([_grad(p) for p in parameters]), 6),
                },
            ]
        optimizer.step()


def _data(name: str, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return points around the origin, shape (n, 2), and the class of each."""
    if name == "xor":
        points = nets.data.xor()
        return 2 * points.points - 1, points.labels
    points = nets.data.moons(120, noise=0.1, generator=seed)
    return points.points - np.array([0.5, 0.25], np.float32), points.labels


def _grad(parameter: nets.Tensor) -> npt.NDArray[np.float32]:
    """Return the gradient of a parameter, flat."""
    assert parameter.grad is not None
    return np.asarray(parameter.grad.numpy()).ravel()


def _forward(layers: nets.Module, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with no_grad():
        return np.asarray(layers(points).numpy())


def _map(hidden: nets.Module, output: nets.Module) -> npt.NDArray[np.uint8]:
    """Return the probability of the second class, 0 to 255, rows from top to bottom."""
    side = REACH * (2 * (np.arange(MAP_SIDE, dtype=np.float32) + 0.5) / MAP_SIDE - 1)
    x, y = np.meshgrid(side, -side)
    logits = _forward(output, _forward(hidden, np.stack([x.ravel(), y.ravel()], axis=1)))
    return np.rint(255 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.uint8)


def _grid() -> npt.NDArray[np.float32]:
    """Return the points of upright lines, then of level ones, shape (2 GRID_LINES GRID_STEPS, 2)."""
    across, along = np.meshgrid(
        np.linspace(-REACH, REACH, GRID_LINES), np.linspace(-REACH, REACH, GRID_STEPS), indexing="ij"
    )
    lines = np.stack([across.ravel(), along.ravel()], axis=1)
    return np.concatenate([lines, lines[:, ::-1]]).astype(np.float32)
