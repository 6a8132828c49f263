"""Many games of 2048 stepped by one kernel, as a Gymnasium vector environment."""

import operator
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Final

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from game2048 import board as rules
from game2048 import render
from game2048 import rng as streams
from game2048 import vector_kernels as kernels
from game2048.env import ILLEGAL_MODES, Illegal, check_choice, illegal_move, start_from
from game2048.game import bad_action
from game2048.vector_kernels import BOARD, HIGH, RNG, SCORE, State

MIN_GAMES_PER_THREAD: Final = 4096  # below, waking a thread costs more than it saves


class Game2048VectorEnv(VectorEnv[npt.NDArray[np.uint8], npt.NDArray[np.integer[Any]], npt.NDArray[Any]]):
    """``num_envs`` games of 2048, stepped together by one kernel.

    What a game is, which actions are legal, and what observations, rewards and infos mean is said in
    `game2048.env.Game2048Env`: game i seeded with s plays exactly as the single environment seeded with s.

    Every array handed out is new: no later step changes it.

    Parameters
    ----------
    num_envs : int
        Number of games.
    render_mode : {None, "rgb_array", "ansi"}
        What `render` returns for every game.
    illegal : {"noop", "raise", "terminate"}
        What an illegal action does; ``"raise"`` names the first game concerned and steps none.
    autoreset_mode : AutoresetMode or str
        ``"NextStep"``: the step after the end of an episode starts the next one, whatever its action, with reward 0.
        ``"SameStep"``: the step that ends an episode starts the next one; the last observation and info are in
        ``info["final_obs"]`` and ``info["final_info"]``. ``"Disabled"``: call
        ``reset(options={"reset_mask": terminated | truncated})``.
    max_episode_steps : int, optional
        Truncate an episode after so many steps, legal or not.
    n_threads : int
        Threads that share the games in fixed parts, used from 8,192 games on. The games are the same for any number.

    Attributes
    ----------
    autoreset_mode : AutoresetMode
        Also in ``metadata["autoreset_mode"]``.

    Notes
    -----
    ``reset(seed=s)`` seeds game i with s + i; a sequence seeds each game, where None leaves a game's stream alone.
    ``reset(options=...)`` takes ``"board"``, exponents of shape (4, 4) or (num_envs, 4, 4), and ``"reset_mask"``,
    ndarray of bool, shape (num_envs,): the games to reset. Rewards are float64, flags bool. Each key k of the info
    comes with ``_k``, bool, shape (num_envs,).

    Examples
    --------
    >>> import gymnasium, game2048
    >>> envs = gymnasium.make_vec("Game2048-v0", num_envs=1024)
    >>> observations, infos = envs.reset(seed=1)
    >>> observations, rewards, terminated, truncated, infos = envs.step(envs.unwrapped.sample_actions())
    >>> observations.shape, rewards.shape, infos["action_mask"].shape
    ((1024, 4, 4), (1024,), (1024, 4))
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  declared so by Gymnasium
        "render_modes": ["rgb_array", "ansi"],
        "render_fps": 8,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    _pool: ThreadPoolExecutor | None = None  # so that closing works after a failed __init__

    def __init__(
        self,
        num_envs: int = 1,
        *,
        render_mode: str | None = None,
        illegal: Illegal = "noop",
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        n_threads: int = 1,
    ) -> None:
        check_choice("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        check_choice("illegal", illegal, ILLEGAL_MODES)
        check_choice("autoreset_mode", autoreset_mode, (*AutoresetMode, *(mode.value for mode in AutoresetMode)))
        self.num_envs = positive("num_envs", num_envs)
        self.n_threads = positive("n_threads", n_threads)
        self.max_episode_steps = None if max_episode_steps is None else positive("max_episode_steps", max_episode_steps)
        self.render_mode = render_mode
        self.illegal = illegal
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = spaces.Box(0, rules.MAX_EXPONENT, (4, 4), np.uint8)
        self.single_action_space = spaces.Discrete(4)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._state = np.zeros((kernels.N_ROWS, self.num_envs), np.uint64)
        self._over = np.zeros(self.num_envs, np.bool_)  # ended by the last step and not reset yet
        self._all_games = np.ones(self.num_envs, np.bool_)
        self._seeded = self._started = False
        self._sampler = streams.seed(0)
        self._prepare()

    def _prepare(self) -> None:
        """Make what follows from the settings and is not pickled."""
        self._tables = rules.row_tables()
        n_parts = max(1, min(self.n_threads, self.num_envs // MIN_GAMES_PER_THREAD))
        bounds = [self.num_envs * k // n_parts for k in range(n_parts + 1)]
        self._parts = list(pairwise(bounds))
        self._pool = ThreadPoolExecutor(n_parts - 1, "game2048") if n_parts > 1 else None

    # --- Gymnasium ---

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Start all games anew, or those of ``options["reset_mask"]``; see the class.

        Raises
        ------
        ValueError
            If the seeds, ``options["board"]`` or ``options["reset_mask"]`` have a wrong shape or value.
        TypeError
            If ``options["reset_mask"]`` is not an array of bool.
        """
        games = self._games_to_reset(options)
        boards, highs = self._start_boards(options, games)
        seeds = self._checked_seeds(seed)
        super().reset(seed=seeds if isinstance(seeds, int) else None)
        self._seed_games(seeds, games)
        kernels.start_games(games, self._state, boards, highs)
        self._over[games] = False
        self._started = True
        observations, *seen = self._observed()
        return observations, self._infos(seen, self._all_games)

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[
        npt.NDArray[np.uint8], npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]
    ]:
        """Play an action in every game.

        Parameters
        ----------
        actions : array_like of int, shape (num_envs,)
            0 up, 1 right, 2 down, 3 left.

        Returns
        -------
        tuple
            (observations, rewards, terminated, truncated, infos): ndarray of uint8, shape (num_envs, 4, 4); ndarray
            of float64, shape (num_envs,); two ndarrays of bool, shape (num_envs,); dict.

        Raises
        ------
        ValueError
            If an action is not 0, 1, 2 or 3, or there are not ``num_envs`` of them.
        IllegalMoveError
            If an action is illegal and the environment was made with ``illegal="raise"``.
        gymnasium.error.ResetNeeded
            If `reset` was never called, or a game is over and ``autoreset_mode`` is disabled.
        """
        moves = self._checked(actions)
        n = self.num_envs
        rewards = np.empty(n, np.float64)
        terminated = np.empty(n, np.bool_)
        truncated = np.empty(n, np.bool_)
        observations, *seen = self._empty_outputs()
        n_over = self._run(moves, (rewards, terminated, truncated, observations, *seen))
        infos = self._infos(seen, self._all_games)
        if n_over and self.autoreset_mode is AutoresetMode.SAME_STEP:
            infos.update(self._reset_same_step(observations, *seen))
        return observations, rewards, terminated, truncated, infos

    def render(self) -> tuple[Any, ...] | None:
        """Return the frame of every game in ``render_mode``: an RGB array or coloured text."""
        if self.render_mode is None:
            gym.logger.warn("render() does nothing without a render_mode")
            return None
        if self.render_mode == "rgb_array":
            return tuple(render.rgb_board(board) for board in self.boards)
        scores = self._state[SCORE].tolist()
        return tuple(render.ansi_board(board, score=score) for board, score in zip(self.boards, scores, strict=True))

    def close_extras(self, **_: Any) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    # --- for people and trainers ---

    @property
    def boards(self) -> npt.NDArray[np.uint8]:
        """Exponents of all games, ndarray of uint8, shape (num_envs, 4, 4); a copy."""
        return self._observed()[0]

    @property
    def packed(self) -> tuple[State, State]:
        """The boards as (board, high), ndarrays of uint64, shape (num_envs,), see `game2048.board`; copies."""
        return self._state[BOARD].copy(), self._state[HIGH].copy()

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return True for every legal action, ndarray of bool, shape (num_envs, 4)."""
        return self._observed()[1].view(np.bool_)

    def sample_actions(self, action_mask: npt.NDArray[np.int8] | None = None) -> npt.NDArray[np.int64]:
        """Draw a uniformly random legal action for every game, 0 where none is legal.

        The stream of these draws is not that of the games; `seed_actions` seeds it.

        Parameters
        ----------
        action_mask : ndarray of int8 or bool, shape (num_envs, 4), optional
            Legal actions as in ``info["action_mask"]``, by default those of the present boards.

        Returns
        -------
        ndarray of int64, shape (num_envs,)
        """
        masks = self.action_masks() if action_mask is None else np.ascontiguousarray(action_mask)
        if masks.shape != (self.num_envs, 4) or masks.itemsize != 1:
            raise ValueError(
                f"action_mask must be int8 or bool of shape ({self.num_envs}, 4), got {masks.dtype} {masks.shape}"
            )
        actions = np.empty(self.num_envs, np.int64)
        kernels.draw_actions(masks.view(np.int8), self._sampler, actions)
        return actions

    def seed_actions(self, seed: int) -> None:
        """Seed the draws of `sample_actions`."""
        self._sampler = streams.seed(seed)

    # --- a step ---

    def _checked(self, actions: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the actions as int64, or raise for those that cannot be played."""
        if not self._started:
            raise gym.error.ResetNeeded("reset() must be called before step()")
        given = np.asarray(actions)
        if given.shape != (self.num_envs,):
            raise ValueError(f"actions must have shape ({self.num_envs},), got {given.shape}")
        if given.dtype.kind not in "iu":
            raise ValueError(f"actions must be integers, got dtype {given.dtype}")
        moves = np.ascontiguousarray(given, np.int64)
        bad = kernels.first_bad_action(moves)
        if bad >= 0:
            raise ValueError(f"game {bad}: {bad_action(given[bad].item())}")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._over.any():
            raise gym.error.ResetNeeded(
                f"game {int(self._over.argmax())} is over: call reset(options={{'reset_mask': terminated | truncated}})"
            )
        if self.illegal == "raise":
            bad = kernels.first_illegal_action(moves, self._state, self._over)
            if bad >= 0:
                game_over = rules.action_mask_wide(self._state[BOARD, bad], self._state[HIGH, bad]) == 0
                raise illegal_move(int(moves[bad]), game_over, bad)
        return moves

    def _run(self, moves: npt.NDArray[np.int64], outputs: tuple[Any, ...]) -> int:
        """Run the kernel on all games, in parts where there are threads; return how many games are over."""
        limit = kernels.NO_LIMIT if self.max_episode_steps is None else self.max_episode_steps
        settings: tuple[Any, ...] = (moves, self._state, self._over, self._tables, self.illegal == "terminate", limit)
        kernel: Callable[..., int] = kernels.step_games
        if self._pool is None:
            return kernel(0, self.num_envs, *settings, *outputs)
        others = [self._pool.submit(kernel, *part, *settings, *outputs) for part in self._parts[1:]]
        return kernel(*self._parts[0], *settings, *outputs) + sum(other.result() for other in others)

    def _reset_same_step(self, observations: npt.NDArray[np.uint8], *seen: npt.NDArray[Any]) -> dict[str, Any]:
        """Start the games that are over anew, in place in the outputs; return the infos about their ends."""
        (games,) = self._over.nonzero()
        over = self._over.copy()
        final_obs = np.empty(self.num_envs, object)  # all None
        for i, board in zip(games.tolist(), observations[games], strict=True):
            final_obs[i] = board
        final_seen = [np.zeros(values.shape, values.dtype) for values in seen]
        for final, values in zip(final_seen, seen, strict=True):
            final[games] = values[games]
        final_info = self._infos(final_seen, over)
        new = np.zeros(games.size, np.uint64)
        kernels.start_games(games, self._state, new, new)
        self._over[games] = False
        kernels.observe(games, self._state, observations, *seen)
        return {"final_obs": final_obs, "_final_obs": over, "final_info": final_info, "_final_info": over.copy()}

    # --- outputs ---

    def _empty_outputs(self) -> tuple[npt.NDArray[Any], ...]:
        """Return new arrays for observations, masks, scores, largest tiles and moves."""
        n = self.num_envs
        return (
            np.empty((n, 4, 4), np.uint8),
            np.empty((n, 4), np.int8),
            np.empty(n, np.int64),
            np.empty(n, np.int64),
            np.empty(n, np.int64),
        )

    def _observed(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the outputs for the present boards."""
        outputs = self._empty_outputs()
        kernels.observe(np.arange(self.num_envs), self._state, *outputs)
        return outputs

    def _infos(self, seen: Sequence[npt.NDArray[Any]], known: npt.NDArray[np.bool_]) -> dict[str, Any]:
        """Return the infos, with a ``_k`` each that says which games have it."""
        action_mask, score, max_tile, n_moves = seen
        return {
            "score": score,
            "_score": known.copy(),
            "max_tile": max_tile,
            "_max_tile": known.copy(),
            "n_moves": n_moves,
            "_n_moves": known.copy(),
            "action_mask": action_mask,
            "_action_mask": known.copy(),
        }

    # --- a reset ---

    def _games_to_reset(self, options: dict[str, Any] | None) -> npt.NDArray[np.int64]:
        """Return the indices of the games to reset."""
        mask = None if options is None else options.get("reset_mask")
        if mask is None:
            return np.arange(self.num_envs)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
            raise TypeError(f"options['reset_mask'] must be an ndarray of bool, got {kind}")
        if mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] must have shape ({self.num_envs},), got {mask.shape}")
        if not mask.any():
            raise ValueError("options['reset_mask'] must choose at least one game, got none")
        if not self._started and not mask.all():
            raise gym.error.ResetNeeded("the first reset() must start all games, got a partial options['reset_mask']")
        return np.flatnonzero(mask)

    def _start_boards(self, options: dict[str, Any] | None, games: npt.NDArray[np.int64]) -> tuple[State, State]:
        """Return the packed boards from which some games start; 0 stands for two random tiles."""
        boards, highs = np.zeros(games.size, np.uint64), np.zeros(games.size, np.uint64)
        given = None if options is None else options.get("board")
        if given is None:
            return boards, highs
        exponents = np.asarray(given)
        if exponents.shape == (4, 4):
            single = start_from({"board": exponents})
            assert single is not None
            boards[:], highs[:] = single
            return boards, highs
        if exponents.shape != (self.num_envs, 4, 4):
            raise ValueError(
                f"options['board'] must have shape (4, 4) or ({self.num_envs}, 4, 4), got {exponents.shape}"
            )
        chosen = exponents[games]
        if not np.issubdtype(chosen.dtype, np.integer) or chosen.min() < 0 or chosen.max() > rules.MAX_EXPONENT:
            raise ValueError(f"options['board'] must hold integer exponents in [0, {rules.MAX_EXPONENT}]")
        kernels.pack_boards(np.ascontiguousarray(chosen.reshape(-1, 16), np.uint8), boards, highs)
        for i, board, high in zip(games.tolist(), boards, highs, strict=True):
            if rules.action_mask_wide(board, high) == 0:
                raise ValueError(f"options['board'][{i}] must allow at least one move, got a board where it is over")
        return boards, highs

    def _checked_seeds(self, seed: int | Sequence[int | None] | None) -> int | list[int | None] | None:
        """Return the seed of the first game, or the seeds of all games, as integers of Python."""
        if seed is None:
            return None
        if not isinstance(seed, Sized) or getattr(seed, "ndim", 1) == 0:
            return streams.checked_seed(seed)  # type: ignore[arg-type]  # it says what is no integer
        if len(seed) != self.num_envs:
            raise ValueError(f"seed must be an integer or a sequence of {self.num_envs}, got {len(seed)} seeds")
        return [None if s is None else streams.checked_seed(s, f"seed[{i}]") for i, s in enumerate(seed)]

    def _seed_games(self, seeds: int | list[int | None] | None, games: npt.NDArray[np.int64]) -> None:
        """Seed the streams of the games to reset; the others keep theirs."""
        rng = self._state[RNG]
        if not self._seeded:
            rng[:] = streams.seed_streams(self.np_random.integers(2**63, size=self.num_envs, dtype=np.uint64))
            self._seeded = True
        if seeds is None:
            return
        if isinstance(seeds, int):
            first = np.uint64(seeds & streams.MASK_64)
            numbers = first + np.arange(self.num_envs, dtype=np.uint64)  # modulo 2**64, as the single environment
            rng[games] = streams.seed_streams(numbers)[games]
            return
        for i in games.tolist():
            value = seeds[i]
            if value is not None:
                rng[i] = streams.seed(value)[0]

    # --- pickling and copying ---

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_tables", "_pool", "_parts")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()


def positive(name: str, value: object) -> int:
    """Return ``value`` as an int of at least 1.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name} must be a positive integer, got {value!r}") from None
    if number < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return number
