"""Observation, reward and action wrappers for one game. `game2048.vector_wrappers` has the same for many.

They may be stacked; `SymmetryAugmentation` comes first, next to the environment, and `DictObservation` last:

>>> import gymnasium, game2048
>>> from game2048.wrappers import DictObservation, Log2Reward, OneHotObservation
>>> env = DictObservation(OneHotObservation(Log2Reward(gymnasium.make("Game2048-v0"))), mask_key="mask")
>>> observation, info = env.reset(seed=1)
>>> observation["observations"].shape, observation["mask"].shape
((18, 4, 4), (4,))
"""

from typing import Any, Final, SupportsFloat

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from game2048 import symmetry as symmetries
from game2048._jit import njit
from game2048.board import MAX_EXPONENT
from game2048.game import checked_action

N_CHANNELS: Final = MAX_EXPONENT + 1  # 18: empty, 2, 4, ..., 131072

Boards = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
AnyEnv = gym.Env[Any, Any]


# --- on arrays ---


@njit("void(uint8[:, ::1], float32[:, :, ::1])")
def write_one_hot(boards: Boards, out: Floats) -> None:
    """Set ``out[i, e, cell]`` to 1 where cell of board i, shape (n, 16), has exponent e; ``out`` is zeros before."""
    for i in range(boards.shape[0]):
        for cell in range(16):
            out[i, boards[i, cell], cell] = 1.0


def one_hot(boards: Boards) -> Floats:
    """Return boards as one channel for every exponent.

    Parameters
    ----------
    boards : ndarray of uint8, shape (..., 4, 4)
        Exponents from 0 to 17.

    Returns
    -------
    ndarray of float32, shape (..., 18, 4, 4)
        1 where the cell has the exponent of the channel, else 0.
    """
    flat = np.ascontiguousarray(boards, np.uint8).reshape(-1, 16)
    if flat.size and flat.max() > MAX_EXPONENT:
        raise ValueError(f"boards must hold exponents in [0, {MAX_EXPONENT}], got {flat.max()}")
    out = np.zeros((flat.shape[0], N_CHANNELS, 16), np.float32)
    write_one_hot(flat, out)
    return out.reshape(*boards.shape[:-2], N_CHANNELS, 4, 4)


def flat(boards: Boards) -> Floats:
    """Return boards as rows of 16 exponents divided by 17: ndarray of float32, shape (..., 16), in [0, 1]."""
    return boards.reshape(*boards.shape[:-2], 16).astype(np.float32) / np.float32(MAX_EXPONENT)


def log2_reward(reward: Any) -> Any:
    """Return ``log2(1 + reward)``: 0 for no merge, 2.3 for a 4, 11.0 for a 2048.

    Points grow like the tiles; their logarithm grows by one from tile to tile, which a network can predict.
    """
    return np.log2(1.0 + reward)


def board_space(env: Any) -> None:
    """Raise ValueError unless an environment, single or vector, shows plain boards."""
    space = getattr(env, "single_observation_space", None) or env.observation_space
    if not isinstance(space, spaces.Box) or space.shape != (4, 4) or space.dtype != np.uint8:
        raise ValueError(
            f"the environment must show boards, Box(0, 17, (4, 4), uint8), before this wrapper, got {space}"
        )


def one_hot_space() -> spaces.Box:
    """Return the space of `one_hot` of a board."""
    return spaces.Box(0, 1, (N_CHANNELS, 4, 4), np.float32)


def flat_space() -> spaces.Box:
    """Return the space of `flat` of a board."""
    return spaces.Box(0, 1, (16,), np.float32)


def mask_space() -> spaces.Box:
    """Return the space of an action mask."""
    return spaces.Box(0, 1, (4,), np.int8)


# --- wrappers ---


class OneHotObservation(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Show the board as 18 channels of 0 and 1, Box(0, 1, (18, 4, 4), float32); see `one_hot`."""

    def __init__(self, env: AnyEnv) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        board_space(env)
        self.observation_space = one_hot_space()

    def observation(self, observation: Boards) -> Floats:
        """Return `one_hot` of the board."""
        return one_hot(observation)


class FlatObservation(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Show the board as 16 numbers from 0 to 1, Box(0, 1, (16,), float32); see `flat`."""

    def __init__(self, env: AnyEnv) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        board_space(env)
        self.observation_space = flat_space()

    def observation(self, observation: Boards) -> Floats:
        """Return `flat` of the board."""
        return flat(observation)


class Log2Reward(gym.RewardWrapper[Any, Any], RecordConstructorArgs):
    """Pay ``log2(1 + reward)`` instead of points; see `log2_reward`. ``info["score"]`` stays in points."""

    def __init__(self, env: AnyEnv) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)

    def reward(self, reward: SupportsFloat) -> float:
        """Return `log2_reward`."""
        return float(log2_reward(float(reward)))


class DictObservation(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Show a dict of what was shown before and of the action mask, for trainers that look for the mask there.

    Parameters
    ----------
    env : gymnasium.Env
        The environment; its info holds ``action_mask``.
    mask_key : str
        Key of the mask, Box(0, 1, (4,), int8): ``"action_mask"`` for RLlib and TorchRL, ``"mask"`` for Tianshou.
    observation_key : str
        Key of the observation: ``"observations"`` for RLlib, ``"obs"`` for Tianshou.
    """

    def __init__(self, env: AnyEnv, mask_key: str = "action_mask", observation_key: str = "observations") -> None:
        RecordConstructorArgs.__init__(self, mask_key=mask_key, observation_key=observation_key)
        super().__init__(env)
        different_keys(mask_key, observation_key)
        self.mask_key, self.observation_key = mask_key, observation_key
        self.observation_space = spaces.Dict({observation_key: env.observation_space, mask_key: mask_space()})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._with_mask(observation, info), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with_mask(observation, info), reward, terminated, truncated, info

    def _with_mask(self, observation: Any, info: dict[str, Any]) -> dict[str, Any]:
        return {self.observation_key: observation, self.mask_key: info["action_mask"].copy()}


class SymmetryAugmentation(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Show every episode in a random one of the eight symmetries; actions and masks are those of what is shown.

    Wrap the environment itself, before its boards become something else. ``info["symmetry"]`` tells the symmetry of
    the episode (see `game2048.symmetry`). The symmetries are drawn from a stream of their own that ``reset(seed=...)``
    seeds: the games are the same as without the wrapper, given the same moves.
    """

    def __init__(self, env: AnyEnv) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        board_space(env)
        self._draws = np.random.default_rng()
        self._symmetry = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and draw a symmetry."""
        observation, info = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self._draws = np.random.default_rng([seed, symmetries.N_SYMMETRIES])
        self._symmetry = int(self._draws.integers(symmetries.N_SYMMETRIES))
        return self._seen(observation), self._seen_info(info)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play an action on the board that is shown."""
        back = symmetries.transform_action(checked_action(action), int(symmetries.INVERSE[self._symmetry]))
        observation, reward, terminated, truncated, info = self.env.step(back)
        return self._seen(observation), reward, terminated, truncated, self._seen_info(info)

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return True for every legal action on the board that is shown, ndarray of bool, shape (4,)."""
        mask: npt.NDArray[np.bool_] = self.env.get_wrapper_attr("action_masks")()
        return symmetries.transform_mask(mask, self._symmetry)

    def _seen(self, board: Boards) -> Boards:
        return symmetries.transform(board, self._symmetry)

    def _seen_info(self, info: dict[str, Any]) -> dict[str, Any]:
        mask = symmetries.transform_mask(info["action_mask"], self._symmetry)
        return {**info, "action_mask": mask, "symmetry": self._symmetry}


def different_keys(mask_key: str, observation_key: str) -> None:
    """Raise ValueError if both keys are the same."""
    if mask_key == observation_key:
        raise ValueError(f"mask_key and observation_key must differ, got {mask_key!r} for both")
