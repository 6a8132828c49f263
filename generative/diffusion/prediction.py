r"""What a denoiser predicts, how it is trained, and how its predictions are guided; the same for all schedules.

The noisy x_t = alpha x_0 + sigma eps has two unknowns. A network may predict any combination a x_0 + b eps of them that
is not x_t itself; with x_t it gives both:

    x_0 = (b x_t - sigma p) / d,   eps = (alpha p - a x_t) / d,   d = alpha b - sigma a.

=========  ==========  ==========  =================  ===================================================
name       a           b           d                  where from
=========  ==========  ==========  =================  ===================================================
epsilon    0           1           alpha              J. Ho et al., arXiv:2006.11239
x0         1           0           -sigma             the denoised image itself
v          -sigma      alpha       alpha^2 + sigma^2  T. Salimans, J. Ho, arXiv:2202.00512, appendix D
flow       -1          1           alpha + sigma      X. Liu et al., arXiv:2209.03003: dx/dt on the line
=========  ==========  ==========  =================  ===================================================

The mean square error of p is (d / sigma)^2 times that of x_0: the choice weighs the times.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from generative.diffusion.schedules import Schedule
from generative.errors import SettingError

Array = npt.NDArray[Any]
Parametrization = Literal["epsilon", "x0", "v", "flow"]
PARAMETRIZATIONS: Final[tuple[str, ...]] = get_args(Parametrization)
Times = Literal["uniform", "logit-normal"]
Network = Callable[[Array, float], Array]
"""(x_t of shape (n, ...), t) -> what the network predicts, of the same shape."""
Predict = Callable[[Array, float], tuple[Array, Array]]
"""(x_t of shape (n, ...), t) -> (x_0, eps), both of the same shape."""
SMALLEST: Final = 1e-3
"""Of |d|; a prediction is not divided by less."""


class Noised(NamedTuple):
    """A training batch: the inputs of the network, and what it shall say."""

    x_t: Array
    """ndarray of float32, shape (n, ...)"""
    t: npt.NDArray[np.float32]
    """ndarray of float32, shape (n,)"""
    target: Array
    """ndarray of float32, shape (n, ...)"""


# --- what is predicted ---


def coefficients(parametrization: str, alpha: Any, sigma: Any) -> tuple[Any, Any]:
    """Return a and b: what is predicted is a x_0 + b eps.

    Raises
    ------
    SettingError
        If there is no such parametrisation.
    """
    if parametrization == "epsilon":
        return 0.0, 1.0
    if parametrization == "x0":
        return 1.0, 0.0
    if parametrization == "v":
        return -sigma, alpha
    if parametrization == "flow":
        return -1.0, 1.0
    raise SettingError(f"parametrization must be one of {', '.join(PARAMETRIZATIONS)}, got {parametrization!r}")


def to_x0_eps(prediction: Array, x_t: Array, alpha: float, sigma: float, parametrization: str) -> tuple[Array, Array]:
    """Turn what a network predicts into the image and the noise that it believes in.

    Parameters
    ----------
    prediction, x_t : ndarray of floats, shape (n, ...)
    alpha, sigma : float
        Of the schedule at this t.
    parametrization : str
        One of `PARAMETRIZATIONS`.

    Returns
    -------
    (x_0, eps) : ndarrays of the same shape and type
        With alpha x_0 + sigma eps = x_t.

    Raises
    ------
    SettingError
        If the prediction says nothing at this t: of the noise where all is noise (alpha near 0), of the image where
        there is nothing else (sigma near 0). Sampling then has to start a little below t = 1.
    """
    a, b = coefficients(parametrization, alpha, sigma)
    d = alpha * b - sigma * a
    if abs(d) < SMALLEST:
        raise SettingError(
            f"{parametrization} cannot be converted where alpha = {alpha:.3g} and sigma = {sigma:.3g}; start at an "
            "earlier time, as in uniform_times(steps, start=0.99), or predict v"
        )
    return prediction * (-sigma / d) + x_t * (b / d), prediction * (alpha / d) - x_t * (a / d)


def check_start(schedule: Schedule, parametrization: str, start: float) -> None:
    """Raise SettingError where sampling cannot begin at this time, since a prediction says nothing there."""
    alpha, sigma = schedule.at(start)
    to_x0_eps(np.zeros(1), np.zeros(1), alpha, sigma, parametrization)


def predictor(
    network: Network, schedule: Schedule, parametrization: str, clip: tuple[float, float] | None = None
) -> Predict:
    """Return what samplers ask: (x_t, t) -> (x_0, eps).

    Parameters
    ----------
    network : callable
        (x_t, t) -> prediction.
    schedule : Schedule
    parametrization : str
        What the network predicts.
    clip : (float, float), optional
        Where the values of images lie. The x_0 is put there, and eps follows, so that they still make x_t.
    """
    coefficients(parametrization, 1.0, 0.0)  # a wrong name is an error at once

    def predict(x_t: Array, t: float) -> tuple[Array, Array]:
        alpha, sigma = schedule.at(t)
        x0, eps = to_x0_eps(network(x_t, t), x_t, alpha, sigma, parametrization)
        if clip is not None and sigma > 0:
            x0 = x0.clip(*clip)
            eps = (x_t - alpha * x0) / sigma
        return x0, eps

    return predict


# --- training ---


def target(x0: Array, eps: Array, alpha: Any, sigma: Any, parametrization: str) -> Array:
    """Return a x_0 + b eps, which a network of this parametrisation shall predict, of the shape and type of x0."""
    a, b = coefficients(parametrization, alpha, sigma)
    return np.asarray(a * x0 + b * eps, x0.dtype)


def noised(
    x0: Array, t: npt.ArrayLike, schedule: Schedule, parametrization: str, generator: np.random.Generator
) -> Noised:
    """Add noise to a batch, each example at a time of its own, and say what is to be predicted.

    Parameters
    ----------
    x0 : ndarray of float32, shape (n, ...)
    t : array_like of float, shape (n,)
        As from `draw_times`.
    schedule : Schedule
    parametrization : str
    generator : numpy.random.Generator
        Of the noise.

    Examples
    --------
    >>> from generative.diffusion import schedules
    >>> rng = np.random.default_rng(0)
    >>> x0 = np.ones((2, 3), np.float32)
    >>> x_t, t, target = noised(x0, draw_times(2, rng), schedules.get("flow"), "flow", rng)
    >>> bool(np.allclose(x_t - t[:, None] * target, x0))  # straight back along the velocity
    True
    """
    t = np.asarray(t, np.float32)
    columns = (len(x0),) + (1,) * (x0.ndim - 1)
    alpha, sigma = (c.reshape(columns).astype(np.float32) for c in schedule.alpha_sigma(t))
    eps = generator.standard_normal(x0.shape, np.float32)
    return Noised(alpha * x0 + sigma * eps, t, target(x0, eps, alpha, sigma, parametrization))


def draw_times(
    n: int, generator: np.random.Generator, distribution: str = "uniform", mean: float = 0.0, std: float = 1.0
) -> npt.NDArray[np.float32]:
    """Draw the times at which a batch is trained.

    Parameters
    ----------
    n : int
    generator : numpy.random.Generator
    distribution : str
        "uniform" on [0, 1), or "logit-normal": 1 / (1 + exp(-z)) with z ~ N(mean, std^2), which prefers the times
        between noise and image (P. Esser et al., arXiv:2403.03206, section 3.1).
    mean, std : float
        Of the logit-normal distribution.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    SettingError
        If there is no such distribution, or its mean or std cannot be.
    """
    if not (np.isfinite(mean) and 0 <= std < np.inf):
        raise SettingError(f"mean must be finite and std also not negative, got {mean} and {std}")
    if distribution == "uniform":
        return generator.random(n, np.float32)
    if distribution == "logit-normal":
        z = mean + std * generator.standard_normal(n)
        return (1 / (1 + np.exp(-z))).astype(np.float32)
    raise SettingError(f"times must be one of {', '.join(get_args(Times))}, got {distribution!r}")


# --- guidance ---


def drop_labels(
    labels: npt.ArrayLike, no_class: int, probability: float, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Replace labels at random by ``no_class``, so that one network learns to predict with and without a class.

    J. Ho, T. Salimans, "Classifier-free diffusion guidance", arXiv:2207.12598, Algorithm 1.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
    no_class : int
    probability : float
        In [0, 1], of each label to be replaced.
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    SettingError
        If the probability is none.
    """
    if not 0 <= probability <= 1:
        raise SettingError(f"probability of dropping a label must be in [0, 1], got {probability}")
    labels = np.asarray(labels, np.int64)
    return np.where(generator.random(labels.shape) < probability, no_class, labels)


def guided(
    conditional: Network,
    unconditional: Network,
    *,
    scale: float,
    interval: tuple[float, float] = (0.0, 1.0),
) -> Network:
    """Return the network u + scale (c - u), c predicting with a class and u without one.

    Parameters
    ----------
    conditional, unconditional : callable
        (x_t, t) -> prediction, in any parametrisation but the same one.
    scale : float
        1 leaves c as it is; more makes images more typical of their class, and less various. It is 1 + w in
        J. Ho, T. Salimans, arXiv:2207.12598, equation 6.
    interval : (float, float)
        Both ends included: the times in which there is guidance; outside of it c alone is asked, which saves half of
        the work (T. Kynkäänniemi et al., arXiv:2404.07724).

    Raises
    ------
    SettingError
        If the scale is negative or not finite, or the interval is none within [0, 1].
    """
    first, last = interval
    if not 0 <= scale < np.inf:
        raise SettingError(f"guidance must be finite and not negative, got {scale}")
    if not 0 <= first <= last <= 1:
        raise SettingError(f"interval must be (a, b) with 0 <= a <= b <= 1, got {interval}")
    if scale == 1:
        return conditional

    def network(x_t: Array, t: float) -> Array:
        c = conditional(x_t, t)
        if not first <= t <= last:
            return c
        u = unconditional(x_t, t)
        return u + scale * (c - u)

    return network
