"""Many games of 2048 for Stable-Baselines3 and its contrib package (``pip install "game2048[sb3]"``)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv  # type: ignore[import-not-found, unused-ignore]
except ImportError as error:
    raise ImportError('game2048.sb3 needs Stable-Baselines3: install it with  pip install "game2048[sb3]"') from error

Indices = int | Iterable[int] | None


class Game2048VecEnv(VecEnv):  # type: ignore[misc, unused-ignore]
    """A `Game2048VectorEnv`, wrapped or not, as Stable-Baselines3's VecEnv.

    ``MaskablePPO`` finds the action masks; ``VecMonitor`` may be put around it as around any VecEnv.

    Parameters
    ----------
    envs : gymnasium.vector.VectorEnv
        Made with ``autoreset_mode="SameStep"``; wrappers of `game2048.vector_wrappers` go around it before this.

    Raises
    ------
    ValueError
        If the autoreset mode is another one.

    Notes
    -----
    Only the info of a game that has just ended has more than ``"TimeLimit.truncated"``: ``"terminal_observation"`` and
    the last score, max_tile, n_moves and action_mask. A dict of everything for every game would cost more than the
    games.

    Examples
    --------
    >>> envs = gymnasium.make_vec("Game2048-v0", num_envs=64, autoreset_mode="SameStep")  # doctest: +SKIP
    >>> model = MaskablePPO("MlpPolicy", Game2048VecEnv(VectorFlatObservation(envs)))  # doctest: +SKIP
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(f"envs must be made with autoreset_mode='SameStep', got {mode}")
        self.envs = envs
        self._action_masks: npt.NDArray[np.bool_] = np.ones((envs.num_envs, 4), np.bool_)
        self._actions: npt.NDArray[Any] = np.zeros(envs.num_envs, np.int64)
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    # --- stepping ---

    def reset(self) -> Any:
        """Start all games, with the seeds and options that were set since the last reset; return the observations."""
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        observations, infos = self.envs.reset(seed=seeds, options=self._reset_options_of_all())  # type: ignore[arg-type, unused-ignore]
        self._action_masks = infos["action_mask"].astype(np.bool_)
        self.reset_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Play the actions; return (observations, rewards, dones, infos)."""
        observations, rewards, terminated, truncated, infos = self.envs.step(self._actions)
        self._action_masks = infos["action_mask"].astype(np.bool_)
        listed: list[dict[str, Any]] = [{"TimeLimit.truncated": False} for _ in range(self.num_envs)]
        dones = terminated | truncated
        for i in np.flatnonzero(dones).tolist():
            final = {key: values[i] for key, values in infos["final_info"].items() if not key.startswith("_")}
            listed[i] = {
                **final,
                "terminal_observation": infos["final_obs"][i],
                "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
            }
        return observations, rewards.astype(np.float32), dones, listed

    def _reset_options_of_all(self) -> dict[str, Any] | None:
        """Merge the options of the games: either all have a board, or none."""
        boards = [options.get("board") for options in self._options]
        if all(board is None for board in boards):
            return None
        if any(board is None for board in boards):
            raise ValueError("set_options must give every game a board, or none")
        return {"board": np.array(boards)}

    def close(self) -> None:
        """Close the environment."""
        self.envs.close()

    # --- what Stable-Baselines3 asks the single environments ---

    def env_method(self, method_name: str, *args: Any, indices: Indices = None, **kwargs: Any) -> list[Any]:
        """Return ``action_masks()``, ndarray of bool, shape (4,), of some games; there are no other methods."""
        if method_name != "action_masks":
            raise AttributeError(f"the games have no method {method_name!r}, only 'action_masks'")
        return [self._action_masks[i].copy() for i in self._chosen(indices)]

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return an attribute of the vector environment, once for each of some games."""
        if attr_name == "action_masks":  # asked for only to find out whether it exists
            return [lambda i=i: self._action_masks[i].copy() for i in self._chosen(indices)]
        for owner in (self.envs, self.envs.unwrapped):
            if hasattr(owner, attr_name):
                return [getattr(owner, attr_name)] * len(self._chosen(indices))
        raise AttributeError(f"the games have no attribute {attr_name!r}")

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Refuse: the games share one environment."""
        raise AttributeError(f"cannot set {attr_name!r}: the games share one environment")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """Return False for every game: the wrappers are around all of them."""
        return [False] * len(self._chosen(indices))

    def get_images(self) -> Sequence[npt.NDArray[np.uint8] | None]:
        """Return the frame of every game."""
        frames = self.envs.render()
        return [None] * self.num_envs if frames is None else list(frames)  # type: ignore[arg-type, unused-ignore]

    def _chosen(self, indices: Indices) -> list[int]:
        return list(self._get_indices(indices))
