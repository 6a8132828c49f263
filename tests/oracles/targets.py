"""Returns, advantages and V-trace of one game column on lists: the naive twins of `agents.policy.targets`.

Written from the sums of the papers, step by step, with a loop that stops where the game does.
"""

import math


def n_step_return(t, rewards, over, values, gamma, n):
    """Sutton and Barto: sum_k gamma^k r_{t+k} + gamma^n V(x_{t+n})."""
    total = 0.0
    for k in range(n):
        if t + k == len(rewards):
            return total + gamma**k * values[t + k]
        total += gamma**k * rewards[t + k]
        if over[t + k]:
            return total
    return total + gamma**n * values[t + n]


def following_value(t, over, values):
    return 0.0 if over[t] else values[t + 1]


def td_error(t, rewards, over, values, gamma):
    return rewards[t] + gamma * following_value(t, over, values) - values[t]


def generalised_advantage(t, rewards, over, values, gamma, lam):
    """Schulman et al., equation 16: sum_l (gamma lambda)^l delta_{t+l}."""
    total = 0.0
    for k in range(t, len(rewards)):
        total += (gamma * lam) ** (k - t) * td_error(k, rewards, over, values, gamma)
        if over[k]:
            break
    return total


def vtrace_target(s, log_rhos, rewards, over, values, gamma, lam, rho_bar, c_bar):
    """Espeholt et al., equation 1: V(x_s) + sum_t gamma^(t-s) (prod_{i=s}^{t-1} c_i) rho_t (td error of t)."""
    weights = [math.exp(log_rho) for log_rho in log_rhos]
    total = values[s]
    for t in range(s, len(rewards)):
        product = math.prod(lam * min(c_bar, weights[i]) for i in range(s, t))
        total += gamma ** (t - s) * product * min(rho_bar, weights[t]) * td_error(t, rewards, over, values, gamma)
        if over[t]:
            break
    return total


def vtrace_target_by_recursion(s, log_rhos, rewards, over, values, gamma, lam, rho_bar, c_bar):
    """Espeholt et al., remark 1: v_s = V(x_s) + delta_s + gamma c_s (v_{s+1} - V(x_{s+1}))."""
    if s == len(rewards):
        return values[s]
    weight = math.exp(log_rhos[s])
    target = values[s] + min(rho_bar, weight) * td_error(s, rewards, over, values, gamma)
    if over[s]:
        return target
    following = vtrace_target_by_recursion(s + 1, log_rhos, rewards, over, values, gamma, lam, rho_bar, c_bar)
    return target + gamma * lam * min(c_bar, weight) * (following - values[s + 1])


def vtrace_advantage(s, log_rhos, rewards, over, values, gamma, lam, rho_bar, c_bar):
    """Espeholt et al., section 4.2, with lambda between v_{s+1} (1, the paper's) and V(x_{s+1}) (0)."""
    following = 0.0
    if not over[s]:
        target = vtrace_target(s + 1, log_rhos, rewards, over, values, gamma, lam, rho_bar, c_bar)
        following = lam * target + (1 - lam) * values[s + 1]
    return min(rho_bar, math.exp(log_rhos[s])) * (rewards[s] + gamma * following - values[s])
