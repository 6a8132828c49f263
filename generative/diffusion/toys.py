r"""Diffusion one can watch: points of two moons or spirals, learned in seconds by a small network.

All parts are those of images: `generative.diffusion.schedules`, `generative.diffusion.prediction`,
`generative.diffusion.samplers`.

>>> import nets
>>> points = nets.data.moons(500, noise=0.05, generator=0).points
>>> model = train_points(points, seed=0, steps=20)
>>> model.sample(5, generator=np.random.default_rng(0)).shape
(5, 2)
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.animate import Frame, Pixels
from generative.diffusion import prediction, samplers, schedules
from generative.diffusion.embedding import sinusoidal
from generative.diffusion.prediction import Parametrization
from generative.diffusion.samplers import State
from generative.errors import SettingError
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import optim, random
from nets.graph import no_grad
from nets.layers import Linear, Module, Sequential
from nets.layers.module import in_use
from nets.schedules import EMA, CosineLR
from nets.tensor import Tensor

Points = npt.NDArray[np.float32]
"""ndarray of float32, shape (n, dimensions)."""
WAVES: Final = 16
"""Numbers that each coordinate, and the time, become, beside the coordinates themselves."""
FINEST: Final = 10.0
"""Radians a standard deviation of the data, or a unit of time, of the fastest wave."""
SPAN: Final = 30.0
"""How many times slower the slowest wave nearly is."""


class PointDiffusion(Module):
    """A diffusion model of points.

    Parameters
    ----------
    centre, spread : ndarray of float, shape (dimensions,)
        Mean and standard deviation of the data, which the network sees with mean 0 and variance 1.
    schedule : str
        Name in `generative.diffusion.schedules.SCHEDULES`.
    parametrization : str
        See `generative.diffusion.prediction`.
    width : int
        Neurons of each of the three hidden layers.
    start : float
        Time at which sampling begins; below 1 where the parametrisation says nothing at 1.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    def __init__(
        self,
        centre: npt.NDArray[Any],
        spread: npt.NDArray[Any],
        *,
        schedule: str = "flow",
        parametrization: Parametrization = "flow",
        width: int = 128,
        start: float = 1.0,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.centre, self.spread = np.asarray(centre, np.float32), np.asarray(spread, np.float32)
        self.schedule, self.parametrization, self.start = schedules.get(schedule), parametrization, start
        prediction.check_start(self.schedule, parametrization, start)
        n = len(self.centre)
        self.network = Sequential(
            Linear((n + 1) * WAVES + n, width, activation="silu", generator=generator),
            Linear(width, width, activation="silu", generator=generator),
            Linear(width, width, activation="silu", generator=generator),
            Linear(width, n, init="zeros", generator=generator),
        )

    def forward(self, x: npt.ArrayLike, t: npt.ArrayLike) -> Tensor:
        """Predict from noisy points (n, dimensions) and times (n,)."""
        places = np.asarray(x, np.float32)
        # Waves of the coordinates, too: a network that sees only their values is slow to learn what is fine.
        waves = [sinusoidal(column, WAVES, scale=FINEST, longest=SPAN) for column in (*places.T, np.asarray(t))]
        return self.network(np.concatenate([places, *waves], axis=1))  # type: ignore[no-any-return]

    def denoise(
        self, n: int, *, generator: np.random.Generator, sampler: str = "heun", steps: int = 20
    ) -> Iterator[State]:
        """Draw n points, and yield the state after each step, x and x0 where the data is."""
        x = generator.standard_normal((n, len(self.centre)), np.float32)
        times = samplers.uniform_times(steps, self.start)
        predict = prediction.predictor(self._predict, self.schedule, self.parametrization)
        for state in samplers.get(sampler)(predict, x, self.schedule, times, generator=generator):
            yield State(state.t, self._back(state.x), self._back(state.x0))

    def sample(self, n: int, *, generator: np.random.Generator, sampler: str = "heun", steps: int = 20) -> Points:
        """Draw n points; the same generator gives the same points."""
        return samplers.last(self.denoise(n, generator=generator, sampler=sampler, steps=steps))

    def _predict(self, x_t: npt.NDArray[Any], t: float) -> npt.NDArray[Any]:
        with in_use(self), no_grad():
            return self(x_t, np.full(len(x_t), t)).numpy()  # type: ignore[no-any-return]

    def _back(self, x: npt.NDArray[Any]) -> Points:
        return np.asarray(self.centre + self.spread * x, np.float32)


def train_points(
    points: npt.ArrayLike,
    *,
    seed: int,
    schedule: str = "flow",
    parametrization: Parametrization = "flow",
    steps: int = 6000,
    batch_size: int = 512,
    lr: float = 4e-3,
    width: int = 128,
    start: float = 1.0,
) -> PointDiffusion:
    """Learn the distribution of points, in 17 seconds of processor time with the default settings.

    Parameters
    ----------
    points : array_like of float, shape (n, dimensions)
    seed : int
        Same seed, same weights, bit for bit.
    schedule, parametrization, width, start
        Of the `PointDiffusion`.
    steps, batch_size, lr : int, int, float
        Of Adam, whose learning rate falls to 0 along a cosine.

    Raises
    ------
    SettingError
        If the points are not finite, or all the same in one coordinate, or a setting breaks its rule.
    """
    learning = learn_points(
        points,
        seed=seed,
        look=[steps],
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        schedule=schedule,
        parametrization=parametrization,
        width=width,
        start=start,
    )
    for _, model in learning:
        averaged = model.state_dict()
    model.load_state_dict(averaged)
    return model


def learn_points(
    points: npt.ArrayLike,
    *,
    seed: int,
    look: Collection[int],
    steps: int,
    batch_size: int = 512,
    lr: float = 4e-3,
    **settings: Any,
) -> Iterator[tuple[int, PointDiffusion]]:
    """Learn as `train_points`, and yield the model, with its averaged weights, after each of the steps in ``look``.

    It is the same model each time, which goes on learning.

    Parameters
    ----------
    look : collection of int
        Steps, from 0 to ``steps``.
    points, seed, steps, batch_size, lr, **settings
        As in `train_points`.
    """
    data = np.asarray(points, np.float32)
    if data.ndim != 2 or not len(data) or not np.isfinite(data).all() or not data.std(0).all():
        raise SettingError(f"points must be finite and differ, of shape (n, dimensions), got shape {data.shape}")
    rng = random.manual_seed(seed)
    centre, spread = data.mean(0), data.std(0)
    data = (data - centre) / spread
    model = PointDiffusion(centre, spread, generator=rng, **settings)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    falling, average = CosineLR(optimizer, steps), EMA(model, 0.99)
    for step in range(steps + 1):
        if step in look:
            with average.applied():
                yield step, model
        if step == steps:
            return
        x0 = data[rng.integers(len(data), size=batch_size)]
        times = prediction.draw_times(batch_size, rng)
        x_t, t, target = prediction.noised(x0, times, model.schedule, model.parametrization, rng)
        loss = F.mse_loss(model(x_t, t), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        average.update()


def energy_distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    r"""Return 2 E|a - b| - E|a - a'| - E|b - b'|, which is 0 only for equal distributions.

    G. Székely, M. Rizzo, "Energy statistics", 2013, https://doi.org/10.1016/j.jspi.2013.03.018. The estimate leaves out
    the distances of points to themselves: it is unbiased, and may come out a little below 0.

    Parameters
    ----------
    a, b : array_like of float, shapes (n, dimensions) and (m, dimensions)
        At least 2 points each; memory grows as n m.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if min(len(a), len(b)) < 2:
        raise SettingError(f"an energy distance needs at least 2 points each, got {len(a)} and {len(b)}")
    within = [_distances(points, points).sum() / (len(points) * (len(points) - 1)) for points in (a, b)]
    return float(2 * _distances(a, b).mean() - sum(within))


def mean_distance(points: npt.ArrayLike, data: npt.ArrayLike) -> float:
    """Return how far points, on average, are from the nearest of the data: what lies between the arms of a spiral.

    The energy distance hardly sees such points, where they are spread as the arms are.

    Parameters
    ----------
    points, data : array_like of float, shapes (n, dimensions) and (m, dimensions)
    """
    return float(_distances(np.asarray(points, np.float64), np.asarray(data, np.float64)).min(1).mean())


def scatter(
    points: npt.ArrayLike, *, size: int = 320, extent: float = 2.5, centre: npt.ArrayLike = (0.0, 0.0)
) -> Pixels:
    """Draw points as a picture.

    Parameters
    ----------
    points : array_like of float, shape (n, 2)
        The second coordinate goes up. What lies outside is not seen.
    size : int
        Height and width in pixels.
    extent : float
        Half the length of a side, in units of the points.
    centre : (float, float)
        What is in the middle.

    Returns
    -------
    ndarray of uint8, shape (size, size)
        0 paper to 255 ink, as frames of `generative.animate` are.

    Raises
    ------
    SettingError
        If the points are not finite or not of two coordinates, or the size or extent is not positive.
    """
    if np.ndim(points) != 2 or np.shape(points)[1] != 2 or not np.isfinite(points).all():
        raise SettingError(f"points must be finite, of shape (n, 2), got shape {np.shape(points)}")
    if size < 1 or not 0 < extent < np.inf:
        raise SettingError(f"size and extent must be positive and finite, got {size} and {extent}")
    places = (np.asarray(points, np.float64) - np.asarray(centre, np.float64)) / (2 * extent)
    columns, rows = (0.5 + places[:, 0]) * size - 0.5, (0.5 - places[:, 1]) * size - 0.5
    ink = np.zeros((size, size))
    # A dot is 5x5 pixels of a Gaussian around the point's exact place, so that motion is smooth.
    for down in range(-2, 3):
        for right in range(-2, 3):
            i, j = np.floor(rows).astype(int) + down, np.floor(columns).astype(int) + right
            inside = (i >= 0) & (i < size) & (j >= 0) & (j < size)
            weight = np.exp(-((i - rows) ** 2 + (j - columns) ** 2) / 1.6)
            np.add.at(ink, (i[inside], j[inside]), weight[inside])
    return np.round(255 * np.minimum(ink, 1)).astype(np.uint8)


def frames(states: Iterable[State], *, seconds: float = 0.05, pause: float = 1.5, **view: Any) -> Iterator[Frame]:
    """Yield the states of `PointDiffusion.denoise` as pictures, for `generative.animate.save`; the last one stays.

    Parameters
    ----------
    states : iterable of State
    seconds, pause : float
        How long each picture, and the last one, is shown.
    **view
        ``size``, ``extent`` and ``centre`` of `scatter`.
    """
    for state in states:
        yield Frame(scatter(state.x, **view), pause if state.t == 0 else seconds)


def _distances(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)
    if a is b:
        np.fill_diagonal(squares, 0)
    return np.asarray(np.sqrt(np.maximum(squares, 0)))
