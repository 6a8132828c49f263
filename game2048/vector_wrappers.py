"""Observation, reward and action wrappers for many games, in all autoreset modes; see `game2048.wrappers`.

>>> import gymnasium, game2048
>>> from game2048.vector_wrappers import VectorLog2Reward, VectorOneHotObservation
>>> envs = VectorOneHotObservation(VectorLog2Reward(gymnasium.make_vec("Game2048-v0", num_envs=32)))
>>> observations, infos = envs.reset(seed=1)
>>> observations.shape
(32, 18, 4, 4)
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from game2048 import symmetry as symmetries
from game2048.wrappers import (
    Boards,
    Floats,
    board_space,
    different_keys,
    flat,
    flat_space,
    log2_reward,
    mask_space,
    one_hot,
    one_hot_space,
)

AnyVectorEnv = VectorEnv[Any, Any, Any]
StepResult = tuple[Any, Any, Any, Any, dict[str, Any]]

# CELLS[s, cell] is the cell of a board that symmetry s shows at ``cell``.
CELLS = np.array([symmetries.transform(np.arange(16).reshape(4, 4), s).ravel() for s in range(8)])
# ACTIONS_BACK[s, a] is what action a on the board that symmetry s shows is on the board itself.
ACTIONS_BACK = symmetries.ACTIONS[symmetries.INVERSE]


if TYPE_CHECKING:
    _AnyVectorWrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:
    _AnyVectorWrapper = VectorWrapper  # not generic before Gymnasium 1.4


class _Wrapper(_AnyVectorWrapper):
    """Says how episodes start anew, which some trainers ask of the outermost wrapper."""

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """The autoreset mode of the environment."""
        mode: AutoresetMode = self.env.metadata["autoreset_mode"]
        return mode


class _BoardsWrapper(_Wrapper):
    """Shows something made from each board; with same-step autoreset also in ``info["final_obs"]``."""

    def __init__(self, env: AnyVectorEnv, space: spaces.Box) -> None:
        super().__init__(env)
        board_space(env)
        self.single_observation_space = space
        self.observation_space = batch_space(space, env.num_envs)

    def shown(self, boards: Boards) -> Floats:
        raise NotImplementedError

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observations, infos = self.env.reset(seed=seed, options=options)
        return self.shown(observations), infos

    def step(self, actions: Any) -> StepResult:
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        for i in final_games(infos):
            infos["final_obs"][i] = self.shown(infos["final_obs"][i])
        return self.shown(observations), rewards, terminated, truncated, infos


class VectorOneHotObservation(_BoardsWrapper):
    """Show each board as 18 channels of 0 and 1, float32, shape (num_envs, 18, 4, 4)."""

    def __init__(self, env: AnyVectorEnv) -> None:
        super().__init__(env, one_hot_space())

    def shown(self, boards: Boards) -> Floats:
        """Return `game2048.wrappers.one_hot` of the boards."""
        return one_hot(boards)


class VectorFlatObservation(_BoardsWrapper):
    """Show each board as 16 numbers from 0 to 1, float32, shape (num_envs, 16)."""

    def __init__(self, env: AnyVectorEnv) -> None:
        super().__init__(env, flat_space())

    def shown(self, boards: Boards) -> Floats:
        """Return `game2048.wrappers.flat` of the boards."""
        return flat(boards)


class VectorLog2Reward(_Wrapper):
    """Pay ``log2(1 + reward)`` instead of points; see `game2048.wrappers.log2_reward`."""

    def step(self, actions: Any) -> StepResult:
        """Step the environment and take the logarithm."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        return observations, log2_reward(rewards), terminated, truncated, infos


class VectorDictObservation(_Wrapper):
    """Show a dict of what was shown before and of the action masks; see `game2048.wrappers.DictObservation`.

    Parameters
    ----------
    env : gymnasium.vector.VectorEnv
        The environment; its infos hold ``action_mask``.
    mask_key, observation_key : str
        Keys of the dict.
    """

    def __init__(self, env: AnyVectorEnv, mask_key: str = "action_mask", observation_key: str = "observations") -> None:
        super().__init__(env)
        different_keys(mask_key, observation_key)
        self.mask_key, self.observation_key = mask_key, observation_key
        space = spaces.Dict({observation_key: env.single_observation_space, mask_key: mask_space()})
        self.single_observation_space = space
        self.observation_space = batch_space(space, env.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._with_mask(observations, infos["action_mask"]), infos

    def step(self, actions: Any) -> StepResult:
        """Step the environment."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        for i in final_games(infos):
            final_mask = infos["final_info"]["action_mask"][i]
            infos["final_obs"][i] = self._with_mask(infos["final_obs"][i], final_mask)
        return self._with_mask(observations, infos["action_mask"]), rewards, terminated, truncated, infos

    def _with_mask(self, observations: Any, mask: npt.NDArray[np.int8]) -> dict[str, Any]:
        return {self.observation_key: observations, self.mask_key: mask.copy()}


class VectorSymmetryAugmentation(_Wrapper):
    """Show every episode of every game in a random symmetry; see `game2048.wrappers.SymmetryAugmentation`.

    ``info["symmetry"]``, ndarray of int64, shape (num_envs,), tells the symmetries of what is shown.
    """

    def __init__(self, env: AnyVectorEnv) -> None:
        super().__init__(env)
        board_space(env)
        self._draws = np.random.default_rng()
        self._symmetries = np.zeros(env.num_envs, np.int64)
        self._ended = np.zeros(env.num_envs, np.bool_)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and draw symmetries for the games that start."""
        boards, infos = self.env.reset(seed=seed, options=options)
        if seed is not None:
            words = [int(seed)] if np.ndim(seed) == 0 else [0 if s is None else s for s in seed]
            self._draws = np.random.default_rng([*words, symmetries.N_SYMMETRIES])
        mask = (options or {}).get("reset_mask")
        chosen = np.ones(self.num_envs, np.bool_) if mask is None else mask
        self._draw(chosen)
        self._ended[chosen] = False
        return self._shown(boards), self._shown_infos(infos)

    def step(self, actions: Any) -> StepResult:
        """Play actions on the boards that are shown."""
        given = np.asarray(actions)
        if given.shape == self._symmetries.shape and given.dtype.kind in "iu" and ((given >= 0) & (given < 4)).all():
            actions = ACTIONS_BACK[self._symmetries, given]  # anything else the environment refuses
        boards, rewards, terminated, truncated, infos = self.env.step(actions)
        ended = terminated | truncated
        mode = self.autoreset_mode
        if mode is AutoresetMode.SAME_STEP and ended.any():
            self._show_ends(infos)
            self._draw(ended)
        elif mode is AutoresetMode.NEXT_STEP:
            self._draw(self._ended)
            self._ended = ended
        return self._shown(boards), rewards, terminated, truncated, self._shown_infos(infos)

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return True for every legal action on the boards shown, ndarray of bool, shape (num_envs, 4)."""
        mask: npt.NDArray[np.bool_] = self.env.unwrapped.action_masks()  # type: ignore[attr-defined]
        return np.take_along_axis(mask, ACTIONS_BACK[self._symmetries], axis=1)

    def _draw(self, games: npt.NDArray[np.bool_]) -> None:
        """Draw a symmetry for the games chosen by a mask."""
        n = int(games.sum())
        if n:
            self._symmetries[games] = self._draws.integers(symmetries.N_SYMMETRIES, size=n)

    def _shown(self, boards: Boards) -> Boards:
        cells = np.take_along_axis(boards.reshape(-1, 16), CELLS[self._symmetries], axis=1)
        return cells.reshape(boards.shape)

    def _shown_infos(self, infos: dict[str, Any]) -> dict[str, Any]:
        mask = np.take_along_axis(infos["action_mask"], ACTIONS_BACK[self._symmetries], axis=1)
        known = np.ones(self.num_envs, np.bool_)
        return {**infos, "action_mask": mask, "symmetry": self._symmetries.copy(), "_symmetry": known}

    def _show_ends(self, infos: dict[str, Any]) -> None:
        """Turn the last boards and masks of the games that ended, in place."""
        for i in final_games(infos):
            s = int(self._symmetries[i])
            infos["final_obs"][i] = symmetries.transform(infos["final_obs"][i], s)
            final_mask = infos["final_info"]["action_mask"]
            final_mask[i] = symmetries.transform_mask(final_mask[i], s)


def final_games(infos: dict[str, Any]) -> list[int]:
    """Return the games whose last observation is in the infos (same-step autoreset only)."""
    known = infos.get("_final_obs")
    return [] if known is None else np.flatnonzero(known).tolist()
