r"""From noise to images: samplers as functions, apart from models.

All have the interface ``sampler(predict, x, schedule, times, *, generator=None)`` and yield a `State` after each step:

>>> import numpy as np
>>> from generative.diffusion import schedules
>>> def predict(x, t):  # the best there is where all images are 3: x_0 is known, and eps is what is left
...     alpha, sigma = schedules.get("flow").at(t)
...     return np.full_like(x, 3), (x - alpha * 3) / sigma
>>> x = np.random.default_rng(0).standard_normal((2, 1)).astype(np.float32)
>>> for state in euler(predict, x, schedules.get("flow"), uniform_times(2)):
...     print(state.t, state.x0.tolist())
0.5 [[3.0], [3.0]]
0.0 [[3.0], [3.0]]

Where x_t = alpha x_0 + sigma eps, the images follow the ordinary differential equation

    dx = x_0(x, t) d alpha + eps(x, t) d sigma

(the probability flow of Y. Song et al., arXiv:2011.13456, equation 13, written with the predictions), which the
deterministic samplers integrate. In this form the steps are measured along alpha and sigma, not along t: nothing
depends on how a schedule is parametrised, and that sigma has an infinite slope at t = 0 does no harm.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.diffusion.prediction import Predict
from generative.diffusion.schedules import Schedule
from generative.errors import SettingError

Array = npt.NDArray[Any]


class State(NamedTuple):
    """Where a sampler is after a step."""

    t: float
    """The time that was reached."""
    x: Array
    """ndarray of float32, shape (n, ...): the images at that time, noise and all."""
    x0: Array
    """ndarray of float32, shape (n, ...): the images that the network saw in the noise, before this step."""


Sampler = Callable[..., Iterator[State]]
"""(predict, x, schedule, times, *, generator=None) -> the states after each step."""


# --- times ---


def uniform_times(steps: int, start: float = 1.0, end: float = 0.0) -> list[float]:
    """Return ``steps + 1`` times at equal distances from ``start`` down to ``end``.

    >>> uniform_times(4)
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    return warped_times(steps, 1.0, start, end)


def warped_times(steps: int, power: float, start: float = 1.0, end: float = 0.0) -> list[float]:
    """Return times whose distances shrink towards ``end``: end + (start - end) (1 - i / steps)^power.

    T. Karras et al., arXiv:2206.00364, equation 5, with t in the place of their sigma and no lowest sigma.

    Raises
    ------
    SettingError
        If there is no step, the power is not positive, or not 0 <= end < start <= 1.
    """
    if steps < 1:
        raise SettingError(f"steps must be at least 1, got {steps}")
    if not 0 < power < math.inf:
        raise SettingError(f"power must be positive and finite, got {power}")
    if not 0 <= end < start <= 1:
        raise SettingError(f"times must satisfy 0 <= end < start <= 1, got start = {start} and end = {end}")
    return [end + (start - end) * (1 - i / steps) ** power for i in range(steps + 1)]


# --- with noise in every step ---


def ddpm(
    predict: Predict,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    *,
    generator: np.random.Generator | None = None,
) -> Iterator[State]:
    """Implement Algorithm 2 of J. Ho et al., arXiv:2006.11239: x_s ~ q(x_s | x_t, x_0) with the predicted x_0.

    Notes
    -----
    The variance is the posterior's, the paper's beta-tilde (its second choice in section 3.2). Times may be any that
    fall, not only neighbours. At s = 0 the variance is 0: the paper's z = 0 in its last step.
    """
    random = _generator(generator, "ddpm")
    for t, s in _steps(times):
        x0, _ = predict(x, t)
        posterior = schedule.posterior(s, t)
        x = posterior.of_x * x + posterior.of_x0 * x0
        if posterior.variance > 0:
            x = x + math.sqrt(posterior.variance) * random.standard_normal(x.shape, np.float32)
        yield State(s, x, x0)


def ddim(
    predict: Predict,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    *,
    generator: np.random.Generator | None = None,
    eta: float = 0.0,
) -> Iterator[State]:
    """Implement equations 12 and 16 of J. Song et al., arXiv:2010.02502.

        x_s = alpha_s x_0 + sqrt(sigma_s^2 - v) eps + sqrt(v) z,   v = eta^2 variance of q(x_s | x_t, x_0)

    ``eta`` is in [0, 1]: 0 is deterministic, and needs no generator; 1 is `ddpm`.
    """
    if not 0 <= eta <= 1:
        raise SettingError(f"eta must be in [0, 1], got {eta}")
    random = _generator(generator, "ddim with eta > 0") if eta else None
    for t, s in _steps(times):
        x0, eps = predict(x, t)
        alpha, sigma = schedule.at(s)
        variance = eta**2 * schedule.posterior(s, t).variance
        x = alpha * x0 + math.sqrt(max(sigma**2 - variance, 0.0)) * eps
        if random is not None and variance > 0:
            x = x + math.sqrt(variance) * random.standard_normal(x.shape, np.float32)
        yield State(s, x, x0)


# --- along the differential equation ---


def euler(
    predict: Predict,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    *,
    generator: np.random.Generator | None = None,
) -> Iterator[State]:
    """Implement Euler's method, order 1: x_s = x_t + (alpha_s - alpha_t) x_0 + (sigma_s - sigma_t) eps.

    For "flow" it is step 3 of Algorithm 1 of X. Liu et al., arXiv:2209.03003, x_s = x_t + (s - t) velocity. Where the
    predictions make x_t, it is `ddim` with eta = 0 (J. Song et al., arXiv:2010.02502, section 4.3).
    """
    for t, s in _steps(times):
        x0, eps = predict(x, t)
        x = _along(x, schedule, t, s, x0, eps)
        yield State(s, x, x0)


def heun(
    predict: Predict,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    *,
    generator: np.random.Generator | None = None,
) -> Iterator[State]:
    """Implement Algorithm 1 of T. Karras et al., arXiv:2206.00364: Heun's method, order 2, two predictions a step.

    An Euler step, then the same step again with the mean of the predictions at both of its ends. As in the paper there
    is no second prediction where sigma_s = 0; other than there the steps are measured along alpha and sigma.
    """
    for t, s in _steps(times):
        x0, eps = predict(x, t)
        ahead = _along(x, schedule, t, s, x0, eps)
        if schedule.at(s)[1] == 0:
            x = ahead
        else:
            x0_ahead, eps_ahead = predict(ahead, s)
            x = _along(x, schedule, t, s, 0.5 * (x0 + x0_ahead), 0.5 * (eps + eps_ahead))
        yield State(s, x, x0)


def dpm_solver_2m(
    predict: Predict,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    *,
    generator: np.random.Generator | None = None,
) -> Iterator[State]:
    """Implement Algorithm 2 of C. Lu et al., arXiv:2211.01095: DPM-Solver++(2M), order 2, one prediction a step.

        x_s = sigma_s / sigma_t x_t - alpha_s (exp(-h) - 1) D,   D = (1 + 1 / 2r) x_0 - 1 / 2r x_0'

    with lambda = log(alpha / sigma), h = lambda_s - lambda_t, r = h' / h, and primes for the step before. The first
    step, one after a step from alpha = 0 (h' is infinite), and one to sigma = 0 (h is) are of order 1: D = x_0.
    """
    before: tuple[Array, float] | None = None  # x_0' and h'
    for t, s in _steps(times):
        x0, _ = predict(x, t)
        (alpha_t, sigma_t), (alpha_s, sigma_s) = schedule.at(t), schedule.at(s)
        h = _log_ratio(alpha_s, sigma_s) - _log_ratio(alpha_t, sigma_t)
        d = x0
        if before is not None and math.isfinite(h):
            share = h / (2 * before[1])  # 1 / 2r
            d = (1 + share) * x0 - share * before[0]
        # alpha_s exp(-h) = alpha_t sigma_s / sigma_t, which is finite where h is not.
        x = (sigma_s / sigma_t) * x + (alpha_s - alpha_t * sigma_s / sigma_t) * d
        before = x0, h
        yield State(s, x, x0)


SAMPLERS: Final[dict[str, Sampler]] = {
    "ddpm": ddpm,
    "ddim": ddim,
    "euler": euler,
    "heun": heun,
    "dpm_solver_2m": dpm_solver_2m,
}


def get(name: str, **settings: Any) -> Sampler:
    """Return a sampler by name, with its settings (``eta`` of "ddim") filled in.

    Raises
    ------
    SettingError
        If there is no such sampler.
    """
    if name not in SAMPLERS:
        raise SettingError(f"sampler must be one of {', '.join(SAMPLERS)}, got {name!r}")
    return partial(SAMPLERS[name], **settings) if settings else SAMPLERS[name]


def last(states: Iterator[State]) -> Array:
    """Return the images after the last step."""
    state = None
    for state in states:  # noqa: B007  # only the last one counts
        pass
    if state is None:
        raise SettingError("times must be at least two, got none to go to")
    return state.x


def _along(x: Array, schedule: Schedule, t: float, s: float, x0: Array, eps: Array) -> Array:
    """Return x + integral of x_0 d alpha + eps d sigma from t to s, for constant x_0 and eps."""
    (alpha_t, sigma_t), (alpha_s, sigma_s) = schedule.at(t), schedule.at(s)
    return x + (alpha_s - alpha_t) * x0 + (sigma_s - sigma_t) * eps


def _log_ratio(alpha: float, sigma: float) -> float:
    if sigma == 0:
        return math.inf
    return math.log(alpha / sigma) if alpha else -math.inf


def _steps(times: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Yield (from, to) of each step."""
    if any(not 0 <= s < t <= 1 for t, s in pairwise(times)):
        raise SettingError(f"times must fall within [0, 1], got {list(times)}")
    return pairwise(times)


def _generator(generator: np.random.Generator | None, sampler: str) -> np.random.Generator:
    if generator is None:
        raise SettingError(f"generator must be given for {sampler}, which draws noise in every step")
    return generator
