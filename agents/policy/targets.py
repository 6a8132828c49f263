r"""What a policy and a value learn towards: n-step returns, generalised advantages, V-trace.

All arrays are time first. A block has T steps of N games: state x_t, action a_t, reward r_t (any unit), and whether
the game ended with step t. Values V have T + 1 rows, the last for the states after the block. A step that ends its
game is worth its reward alone, so with d_t = 0 where the game ended and gamma elsewhere every equation reads the
same across games that follow each other in one column::

    delta_t = r_t + d_t V(x_{t+1}) - V(x_t)

n-step returns (Sutton and Barto, 7.1)::

    G_t = r_t + d_t r_{t+1} + ... + d_t ... d_{t+m-2} r_{t+m-1} + d_t ... d_{t+m-1} V(x_{t+m})    m = min(n, T - t)

Generalised advantages (Schulman et al., equation 16), returns R_t that fit them::

    A_t = delta_t + d_t lambda A_{t+1}        A_T = 0        R_t = A_t + V(x_t)

V-trace (Espeholt et al., equation 1, remarks 1 and 2) corrects for actions that came from an older policy mu::

    w_t   = pi(a_t | x_t) / mu(a_t | x_t)     rho_t = min(rho_bar, w_t)     c_t = lambda min(c_bar, w_t)
    v_s   = V(x_s) + sum_{t >= s} (prod_{i = s}^{t - 1} d_i c_i) rho_t delta_t
          = V(x_s) + rho_s delta_s + d_s c_s (v_{s+1} - V(x_{s+1}))          v_T = V(x_T)
    A_s   = rho_s (r_s + d_s q_{s+1} - V(x_s))                               q_T = V(x_T)
    q_s   = lambda v_s + (1 - lambda) V(x_s)

rho_bar decides which policy the values belong to, c_bar and lambda how far an error travels back.

References
----------
Sutton and Barto, "Reinforcement Learning: An Introduction", 2nd edition, MIT Press, 2018.
Schulman, Moritz, Levine, Jordan and Abbeel, "High-dimensional continuous control using generalized advantage
estimation", ICLR 2016, https://doi.org/10.48550/arXiv.1506.02438
Espeholt et al., "IMPALA: scalable distributed deep-RL with importance weighted actor-learner architectures",
ICML 2018, https://doi.org/10.48550/arXiv.1802.01561
Munos, Stepleton, Harutyunyan and Bellemare, "Safe and efficient off-policy reinforcement learning", NIPS 2016,
https://doi.org/10.48550/arXiv.1606.02647 (Retrace(lambda), whose lambda remark 2 takes over).

Notes
-----
Departures from Espeholt et al.:

1. The policy gradient of the paper, rho_s (r_s + gamma v_{s+1} - V(x_s)), is written for lambda = 1. Here q_{s+1}
   stands for v_{s+1}: the same at lambda = 1, and on policy A_s is the generalised advantage for every lambda.
2. A block may hold the end of a game; the discount there is 0.
"""

import math

import numpy as np
import numpy.typing as npt

from game2048._jit import njit

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

# --- kernels: sums in float64, one row of games at a time ---


@njit("void(float32[:, ::1], boolean[:, ::1], float32[:, ::1], float64, int64, float32[:, ::1])")
def n_step_kernel(rewards: Floats, over: Flags, values: Floats, gamma: float, n: int, returns: Floats) -> None:
    """Write G_t into ``returns``."""
    horizon, n_games = rewards.shape
    total = np.empty(n_games, np.float64)
    if n >= horizon:  # each return goes on where the next one was: the same sums, in one pass
        for i in range(n_games):
            total[i] = values[horizon, i]
        for t in range(horizon - 1, -1, -1):
            for i in range(n_games):
                discount = 0.0 if over[t, i] else gamma
                total[i] = rewards[t, i] + discount * total[i]
                returns[t, i] = total[i]
        return
    for t in range(horizon):
        end = min(t + n, horizon)
        for i in range(n_games):
            total[i] = values[end, i]
        for k in range(end - 1, t - 1, -1):
            for i in range(n_games):
                discount = 0.0 if over[k, i] else gamma
                total[i] = rewards[k, i] + discount * total[i]
        for i in range(n_games):
            returns[t, i] = total[i]


@njit(
    "void(float32[:, ::1], boolean[:, ::1], float32[:, ::1], float64, float64, float32[:, ::1], float32[:, ::1])",
)
def gae_kernel(
    rewards: Floats, over: Flags, values: Floats, gamma: float, lam: float, advantages: Floats, returns: Floats
) -> None:
    """Write A_t into ``advantages`` and R_t into ``returns``."""
    horizon, n_games = rewards.shape
    advantage = np.zeros(n_games, np.float64)
    for t in range(horizon - 1, -1, -1):
        for i in range(n_games):
            discount = 0.0 if over[t, i] else gamma
            value = float(values[t, i])
            delta = rewards[t, i] + discount * values[t + 1, i] - value
            advantage[i] = delta + discount * lam * advantage[i]
            advantages[t, i] = advantage[i]
            returns[t, i] = advantage[i] + value


@njit(
    "void(float32[:, ::1], float32[:, ::1], boolean[:, ::1], float32[:, ::1], float64, float64, float64, float64,"
    " float32[:, ::1], float32[:, ::1])"
)
def vtrace_kernel(
    log_rhos: Floats,
    rewards: Floats,
    over: Flags,
    values: Floats,
    gamma: float,
    lam: float,
    rho_bar: float,
    c_bar: float,
    targets: Floats,
    advantages: Floats,
) -> None:
    """Write v_s into ``targets`` and A_s into ``advantages``."""
    horizon, n_games = rewards.shape
    excess = np.zeros(n_games, np.float64)  # v_{s+1} - V(x_{s+1})
    for s in range(horizon - 1, -1, -1):
        for i in range(n_games):
            discount = 0.0 if over[s, i] else gamma
            value = float(values[s, i])
            weight = math.exp(float(log_rhos[s, i]))
            # Compared this way round, a weight that is not a number stays one, for the learner to notice.
            rho = rho_bar if weight > rho_bar else weight
            c = lam * (c_bar if weight > c_bar else weight)
            delta = rewards[s, i] + discount * values[s + 1, i] - value
            advantages[s, i] = rho * (delta + discount * lam * excess[i])
            excess[i] = rho * delta + discount * c * excess[i]
            targets[s, i] = value + excess[i]


# --- what learners call ---


def n_step_returns(rewards: Floats, over: Flags, values: Floats, gamma: float, n: int) -> Floats:
    """Return the rewards of n steps and the value of what follows, G_t.

    Parameters
    ----------
    rewards : ndarray of float32, shape (T, N)
        In the unit of the values.
    over : ndarray of bool, shape (T, N)
        The game ended with this step.
    values : ndarray of float32, shape (T + 1, N)
        V(x_t), the last row for the states after the block.
    gamma : float
        Discount a step, in [0, 1].
    n : int
        Steps, at least 1; fewer where the block or the game ends earlier.

    Returns
    -------
    ndarray of float32, shape (T, N)

    Raises
    ------
    ValueError
        If shapes do not fit or a number is out of range.

    Examples
    --------
    >>> rewards, values = np.array([[4], [8], [4]], np.float32), np.full((4, 1), 100, np.float32)
    >>> over = np.array([[False], [True], [False]])
    >>> n_step_returns(rewards, over, values, gamma=1, n=3).ravel().tolist()
    [12.0, 8.0, 104.0]
    """
    _require_unit(gamma=gamma)
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    rewards, over, values = _block(rewards, over, values)
    returns = np.empty_like(rewards)
    n_step_kernel(rewards, over, values, gamma, n, returns)
    return returns


def gae(rewards: Floats, over: Flags, values: Floats, gamma: float, lam: float) -> tuple[Floats, Floats]:
    """Return generalised advantages A_t and the returns R_t that fit them.

    Parameters
    ----------
    rewards, over, values, gamma
        As in `n_step_returns`.
    lam : float
        lambda in [0, 1]: 0 looks one step ahead, 1 to the end of the block.

    Returns
    -------
    advantages, returns : ndarray of float32, shape (T, N)

    Raises
    ------
    ValueError
        If shapes do not fit or a number is out of range.
    """
    _require_unit(gamma=gamma, lam=lam)
    rewards, over, values = _block(rewards, over, values)
    advantages, returns = np.empty_like(rewards), np.empty_like(rewards)
    gae_kernel(rewards, over, values, gamma, lam, advantages, returns)
    return advantages, returns


def vtrace(
    log_rhos: Floats,
    rewards: Floats,
    over: Flags,
    values: Floats,
    gamma: float,
    lam: float = 1.0,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> tuple[Floats, Floats]:
    """Return the V-trace targets v_s of the values and the advantages A_s of the actions that were taken.

    Parameters
    ----------
    log_rhos : ndarray of float32, shape (T, N)
        log pi(a_t | x_t) - log mu(a_t | x_t): the policy that learns over the one that played.
    rewards, over, values, gamma
        As in `n_step_returns`.
    lam : float
        lambda in [0, 1], of remark 2.
    rho_bar, c_bar : float
        Where importance weights are cut, rho_bar >= c_bar > 0 as in the paper; ``math.inf`` cuts none.

    Returns
    -------
    targets, advantages : ndarray of float32, shape (T, N)
        The advantages carry rho_s already: the policy gradient is the mean of A_s grad log pi(a_s | x_s).

    Raises
    ------
    ValueError
        If shapes do not fit or a number is out of range.
    """
    _require_unit(gamma=gamma, lam=lam)
    if not rho_bar >= c_bar > 0:
        raise ValueError(f"rho_bar and c_bar must be rho_bar >= c_bar > 0, got {rho_bar} and {c_bar}")
    rewards, over, values = _block(rewards, over, values)
    log_rhos = np.ascontiguousarray(log_rhos, np.float32)
    _require_shape("log_rhos", log_rhos.shape, rewards.shape)
    targets, advantages = np.empty_like(rewards), np.empty_like(rewards)
    vtrace_kernel(log_rhos, rewards, over, values, gamma, lam, rho_bar, c_bar, targets, advantages)
    return targets, advantages


def _block(rewards: Floats, over: Flags, values: Floats) -> tuple[Floats, Flags, Floats]:
    """Return the arrays of a block as kernels take them, of shapes that fit."""
    if rewards.ndim != 2:
        raise ValueError(f"rewards must have shape (T, N), got {rewards.shape}")
    horizon, n_games = rewards.shape
    _require_shape("over", over.shape, rewards.shape)
    _require_shape("values", values.shape, (horizon + 1, n_games))
    return (
        np.ascontiguousarray(rewards, np.float32),
        np.ascontiguousarray(over, np.bool_),
        np.ascontiguousarray(values, np.float32),
    )


def _require_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(f"{name} must have shape {expected}, got {shape}")


def _require_unit(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} must be in [0, 1], got {number}")
