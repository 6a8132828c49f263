r"""How fast an image turns into noise: x_t = alpha(t) x_0 + sigma(t) eps, eps ~ N(0, I), for t from 0 to 1.

At t = 0 there is only the image (alpha = 1, sigma = 0), at t = 1 (almost) only noise. All that samplers and losses need
to know of a schedule is alpha and sigma, so that diffusion and rectified flow differ by a schedule and nothing else.

>>> flow = get("flow")
>>> flow.at(0.25)
(0.75, 0.25)
>>> round(get("cosine").snr(0.5).item(), 3)  # alpha^2 / sigma^2
0.976
>>> [round(value, 3) for value in flow.posterior(0.5, 0.75)]  # x_1/2 from x_3/4 and x_0, and the variance
[0.222, 0.444, 0.222]

References
----------
.. [1] J. Ho, A. Jain, P. Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239.
.. [2] A. Nichol, P. Dhariwal, "Improved denoising diffusion probabilistic models", 2021, arXiv:2102.09672.
.. [3] X. Liu, C. Gong, Q. Liu, "Flow straight and fast", 2022, arXiv:2209.03003.
.. [4] Y. Lipman et al., "Flow matching for generative modeling", 2022, arXiv:2210.02747.
.. [5] D. Kingma et al., "Variational diffusion models", 2021, arXiv:2107.00630.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError

Array = npt.NDArray[np.float64]
MAX_LAST_ALPHA_BAR: Final = 0.01
"""alpha(1)^2 may not be above: sampling begins with N(0, I), which x_1 must resemble."""


class Posterior(NamedTuple):
    """q(x_s | x_t, x_0) = N(of_x x_t + of_x0 x_0, variance I), the variance not to be taken for its square root."""

    of_x: float
    of_x0: float
    variance: float


class Schedule:
    """Base of all schedules; subclasses define `alpha_sigma`."""

    name: str = ""

    def alpha_sigma(self, t: npt.ArrayLike) -> tuple[Array, Array]:
        """Return alpha(t) and sigma(t).

        Parameters
        ----------
        t : array_like of float, any shape
            In [0, 1].

        Returns
        -------
        (ndarray of float64, ndarray of float64), shape of t

        Raises
        ------
        SettingError
            If a t is not in [0, 1].
        """
        raise NotImplementedError(f"{type(self).__name__} must define alpha_sigma()")

    def at(self, t: float) -> tuple[float, float]:
        """Return alpha and sigma at one t as Python numbers, which leave arrays of float32 what they are."""
        alpha, sigma = self.alpha_sigma(t)
        return float(alpha), float(sigma)

    def snr(self, t: npt.ArrayLike) -> Array:
        """Return the signal-to-noise ratio alpha^2 / sigma^2, infinite at t = 0."""
        alpha, sigma = self.alpha_sigma(t)
        with np.errstate(divide="ignore"):
            return np.asarray((alpha / sigma) ** 2)

    def posterior(self, s: float, t: float) -> Posterior:
        r"""Return q(x_s | x_t, x_0), the step back from t to an earlier s if the image were known.

        With alpha_ts = alpha_t / alpha_s and sigma_ts^2 = sigma_t^2 - alpha_ts^2 sigma_s^2, which is the forward step
        q(x_t | x_s) = N(alpha_ts x_s, sigma_ts^2 I), Bayes' rule gives [5]_ (appendix A)

            mean = alpha_ts sigma_s^2 / sigma_t^2 x_t + alpha_s sigma_ts^2 / sigma_t^2 x_0,
            variance = sigma_ts^2 sigma_s^2 / sigma_t^2.

        For neighbouring steps of [1]_ it is their equation 7: alpha_ts^2 = 1 - beta_t and sigma_ts^2 = beta_t.

        Raises
        ------
        SettingError
            If not 0 <= s < t <= 1.
        """
        if not 0 <= s < t <= 1:
            raise SettingError(f"times must satisfy 0 <= s < t <= 1, got s = {s} and t = {t}")
        (alpha_s, sigma_s), (alpha_t, sigma_t) = self.at(s), self.at(t)
        ratio = alpha_t / alpha_s
        step = sigma_t**2 - (ratio * sigma_s) ** 2
        return Posterior(
            of_x=ratio * sigma_s**2 / sigma_t**2,
            of_x0=alpha_s * step / sigma_t**2,
            variance=step * sigma_s**2 / sigma_t**2,
        )


class Linear(Schedule):
    r"""beta_1 .. beta_T rise linearly [1]_: alpha^2(i / T) = alpha_bar_i = (1 - beta_1) ... (1 - beta_i).

    Parameters
    ----------
    n_steps : int
        T, the number of steps in which the noise is added.
    beta_1, beta_T : float, optional
        Variance of the noise in the first and in the last step. By default those of [1]_, 1e-4 and 0.02, times
        1000 / T, which keeps alpha_bar_T between 2e-5 and 5e-5 from T = 100 on, and below that for fewer steps; for T
        up to 20 they must be given.

    Raises
    ------
    SettingError
        If a beta is not in (0, 1), or alpha_bar_T > 0.01: then x_1 keeps too much of the image to be taken for noise.

    Notes
    -----
    Between two of the paper's steps log alpha_bar is interpolated linearly, as if the noise of a step came in evenly.
    """

    name = "linear"

    def __init__(self, n_steps: int = 1000, beta_1: float | None = None, beta_T: float | None = None) -> None:  # noqa: N803  # the paper's name
        if n_steps < 1:
            raise SettingError(f"n_steps must be at least 1, got {n_steps}")
        beta_1 = 0.1 / n_steps if beta_1 is None else beta_1
        beta_T = 20 / n_steps if beta_T is None else beta_T  # noqa: N806
        if not (0 < beta_1 < 1 and 0 < beta_T < 1):
            raise SettingError(f"beta_1 and beta_T must be in (0, 1), got {beta_1} and {beta_T}")
        self.n_steps = n_steps
        self.betas = np.linspace(beta_1, beta_T, n_steps)
        self.alpha_bars = np.cumprod(1 - self.betas)
        if self.alpha_bars[-1] > MAX_LAST_ALPHA_BAR:
            raise SettingError(
                f"alpha_bar_T must be at most {MAX_LAST_ALPHA_BAR}, got {self.alpha_bars[-1]:.3g}: after {n_steps} "
                f"steps with beta from {beta_1:g} to {beta_T:g} x_T is not yet the noise that sampling begins with; "
                "take more steps or larger betas"
            )
        self._logs = np.concatenate([[0.0], np.cumsum(np.log1p(-self.betas))])

    def alpha_sigma(self, t: npt.ArrayLike) -> tuple[Array, Array]:
        """Return alpha(t) and sigma(t)."""
        log_alpha_bar = np.interp(_checked(t), np.linspace(0, 1, self.n_steps + 1), self._logs)
        return np.exp(log_alpha_bar / 2), np.sqrt(-np.expm1(log_alpha_bar))


class Cosine(Schedule):
    r"""alpha(t) = cos((t + s) / (1 + s) pi/2) / cos(s / (1 + s) pi/2) [2]_ (equation 17), sigma^2 = 1 - alpha^2.

    Parameters
    ----------
    shift : float
        s; so that there is noise enough in the first steps.

    Notes
    -----
    The paper clips beta at 0.999 in its last step; with continuous time alpha(1) is simply 0.
    """

    name = "cosine"

    def __init__(self, shift: float = 0.008) -> None:
        if not 0 <= shift < math.inf:
            raise SettingError(f"shift must be finite and not negative, got {shift}")
        self.shift = shift

    def alpha_sigma(self, t: npt.ArrayLike) -> tuple[Array, Array]:
        """Return alpha(t) and sigma(t)."""
        t, s = _checked(t), self.shift
        first = math.cos(s / (1 + s) * math.pi / 2)
        # cos(pi/2 - x) = sin(x): exactly 0 at t = 1.
        alpha = np.minimum(np.sin((1 - t) / (1 + s) * math.pi / 2) / first, 1.0)
        return alpha, np.where(t == 0, 0.0, np.sqrt(1 - alpha**2))


class Flow(Schedule):
    """alpha = 1 - t, sigma = t: the straight line of rectified flow [3]_ and flow matching [4]_.

    The papers run from noise at 0 to the image at 1; here time runs as in diffusion.
    """

    name = "flow"

    def alpha_sigma(self, t: npt.ArrayLike) -> tuple[Array, Array]:
        """Return alpha(t) and sigma(t)."""
        t = _checked(t)
        return 1 - t, t


SCHEDULES: Final[dict[str, type[Schedule]]] = {kind.name: kind for kind in (Linear, Cosine, Flow)}


def get(name: str, **settings: Any) -> Schedule:
    """Return a schedule by name: "linear", "cosine" or "flow"; its settings by keyword.

    Raises
    ------
    SettingError
        If there is no such schedule, or a setting breaks its rule.
    """
    if name not in SCHEDULES:
        raise SettingError(f"schedule must be one of {', '.join(SCHEDULES)}, got {name!r}")
    return SCHEDULES[name](**settings)


def _checked(t: npt.ArrayLike) -> Array:
    t = np.asarray(t, np.float64)
    if t.size and not (t.min() >= 0 and t.max() <= 1):  # a NaN is an error too
        raise SettingError(f"t must be in [0, 1], got {t.min()} to {t.max()}")
    return t
