"""Adam: four rules walk down the same surface, and train the same small network."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.graph import no_grad
from server.workers.lessons.packing import pack, rounded

N_STEPS: Final = 240
STEPS_A_FRAME: Final = 4
MAP_SIDE: Final = 96
REACH: Final = 2.0
"""Half a side of the part of the surface that is shown."""
FAR: Final = 50.0
"""A walker so far from the middle has lost its way, and stays where it is."""

Parameters = list[nets.Tensor]
Rule = Callable[[Parameters, float, float], nets.optim.Optimizer]

RULES: Final[dict[str, Rule]] = {
    "sgd": lambda parameters, slow, _: nets.optim.SGD(parameters, lr=slow),
    "momentum": lambda parameters, slow, _: nets.optim.SGD(parameters, lr=slow, momentum=0.9),
    "rmsprop": lambda parameters, _, lr: nets.optim.RMSProp(parameters, lr=lr, alpha=0.9),
    "adam": lambda parameters, _, lr: nets.optim.Adam(parameters, lr=lr),
}
"""By name: (parameters, learning rate of plain gradients, learning rate of scaled ones) -> optimiser."""


def ravine(x: Any, y: Any) -> Any:
    """Return the height of a slope forty times as steep across as along."""
    return 0.05 * x * x + 2.0 * y * y


def valley(x: Any, y: Any) -> Any:
    """Return the height of Rosenbrock's valley, less deep: its floor is bent, and the lowest place is (1, 1)."""
    return 0.2 * ((1 - x) * (1 - x) + 8 * (y - x * x) * (y - x * x))


def saddle(x: Any, y: Any) -> Any:
    """Return the height of a pass between two hollows: on the ridge, y = 0, no gradient leads down."""
    return 0.5 * x * x - y * y + 0.25 * y * y * y * y + 1


SURFACES: Final = {"ravine": ravine, "valley": valley, "saddle": saddle}


def lesson(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Walk from (``x``, ``y``) down a ``surface`` with ``noise`` in the gradients, ``sgd_lr``, ``adam_lr``, ``seed``.

    "start" holds the surface's heights (float32, rows from top to bottom). Frames hold the last step, and for each rule
    what is new since the frame before: ``paths``, x and y after each step; ``heights``; and ``losses``, those of the
    network.
    """
    ready()
    surface, lrs = SURFACES[arguments["surface"]], (arguments["sgd_lr"], arguments["adam_lr"])
    yield [
        "start",
        {"rules": list(RULES), "reach": REACH, "map_side": MAP_SIDE, "n_steps": N_STEPS, "map": _map(surface)},
    ]
    start = [arguments["x"], arguments["y"]]
    walkers = {name: Walker(start, rule, lrs, arguments) for name, rule in RULES.items()}
    learners = {name: Learner(rule, lrs, arguments["seed"]) for name, rule in RULES.items()}
    for first in range(0, N_STEPS, STEPS_A_FRAME):
        yield [
            "frame",
            {
                "step": first + STEPS_A_FRAME,
                "paths": {name: walker.walk(surface) for name, walker in walkers.items()},
                "losses": {name: learner.learn() for name, learner in learners.items()},
            },
        ]


class Walker:
    """A point on the surface, and the rule by which it goes down."""

    def __init__(self, start: list[float], rule: Rule, lrs: tuple[float, float], arguments: dict[str, Any]) -> None:
        self.place = nets.Parameter(np.array(start, np.float64))
        self._optimizer = rule([self.place], *lrs)
        self._noise = arguments["noise"]
        self._random = np.random.default_rng(arguments["seed"])  # the same noise for all

    def walk(self, surface: Callable[[Any, Any], Any]) -> list[float]:
        """Go some steps; return x and y before each."""
        path = []
        for _ in range(STEPS_A_FRAME):
            path.append(self.place.numpy().copy())
            height = surface(self.place[0], self.place[1])
            slope = self._noise * self._random.standard_normal(2)
            self._optimizer.zero_grad()
            (height + (self.place * slope).sum()).backward()  # as if each step saw another part of the data
            if np.abs(self.place.numpy()).max() < FAR:
                self._optimizer.step()
        return rounded(path)


class Learner:
    """A network of two hidden layers that tells two moons apart, a few points a step."""

    def __init__(self, rule: Rule, lrs: tuple[float, float], seed: int) -> None:
        nets.manual_seed(seed)
        self._model = nets.Sequential(
            nets.Linear(2, 16, activation="tanh"), nets.Linear(16, 16, activation="tanh"), nets.Linear(16, 1)
        )
        self._optimizer = rule(list(self._model.parameters()), *lrs)
        self._data = nets.data.moons(200, noise=0.15, generator=seed)
        self._targets = self._data.labels[:, None].astype(np.float32)
        self._random = np.random.default_rng(seed)

    def learn(self) -> list[float]:
        """Learn some steps; return the loss over all points before each."""
        losses = []
        for _ in range(STEPS_A_FRAME):
            with no_grad():
                losses.append(F.binary_cross_entropy_with_logits(self._model(self._data.points), self._targets).item())
            batch = self._random.integers(len(self._targets), size=32)
            loss = F.binary_cross_entropy_with_logits(self._model(self._data.points[batch]), self._targets[batch])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
        return rounded(losses)


def _map(surface: Callable[[Any, Any], Any]) -> bytes:
    """Return the heights of the surface on a grid."""
    side: npt.NDArray[np.float64] = REACH * (2 * (np.arange(MAP_SIDE) + 0.5) / MAP_SIDE - 1)
    x, y = np.meshgrid(side, -side)
    return pack(surface(x, y).astype(np.float32))
