"""Game2048-v0: one game of 2048 as a Gymnasium environment."""

import operator
from typing import Any, Final, Literal, SupportsIndex

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from game2048 import board as rules
from game2048 import render
from game2048 import rng as streams
from game2048._jit import njit
from game2048.game import IllegalMoveError, bad_action

Illegal = Literal["noop", "raise", "terminate"]
ILLEGAL_MODES: Final = ("noop", "raise", "terminate")

# Words of a game's state.
BOARD: Final = 0
HIGH: Final = 1
RNG: Final = 2
SCORE: Final = 3
N_MOVES: Final = 4
N_WORDS: Final = 5

# Outcomes of `step_game`.
LEGAL: Final = 0
ILLEGAL: Final = 1
NOT_AN_ACTION: Final = 2
NOT_RESET: Final = 3


@njit("UniTuple(int64, 6)(int64, uint64[::1], uint32[::1], uint8[:, ::1])")
def step_game(
    action: int, state: npt.NDArray[np.uint64], tables: rules.RowTables, observation: npt.NDArray[np.uint8]
) -> tuple[int, np.int64, int, np.int64, int, np.int64]:
    """Play one action in place and write the new exponents into ``observation``, shape (4, 4).

    An action that is illegal or none at all changes nothing. Returns (outcome, reward, mask bits, score, largest
    exponent, moves).
    """
    board, high = state[BOARD], state[HIGH]
    outcome = LEGAL
    reward = np.uint64(0)
    if board == np.uint64(0):
        outcome = NOT_RESET
    elif action < 0 or action > 3:
        outcome = NOT_AN_ACTION
    else:
        after, after_high, reward = rules.play(board, high, action, tables)
        if after == board and after_high == high:
            outcome = ILLEGAL
        else:
            board = rules.spawn(after, streams.draw(state, RNG))
            high = after_high
            state[BOARD] = board
            state[HIGH] = high
            state[SCORE] += reward
            state[N_MOVES] += np.uint64(1)
    for cell in range(16):
        shift = np.uint64(4 * cell)
        observation[cell >> 2, cell & 3] = ((board >> shift) & np.uint64(15)) + ((high >> shift) & np.uint64(15))
    return (
        outcome,
        np.int64(reward),
        rules.action_mask_wide(board, high),
        np.int64(state[SCORE]),
        rules.largest_exponent(board, high),
        np.int64(state[N_MOVES]),
    )


_MASKS: Final = tuple(np.array([bits >> action & 1 for action in range(4)], np.int8) for bits in range(16))
_TILES: Final = (0, *(1 << exponent for exponent in range(1, 18)))


class Game2048Env(gym.Env[npt.NDArray[np.uint8], SupportsIndex]):
    """The game 2048 on the 4x4 board, with the rules and the score of the original.

    Description
    -----------
    The player slides all tiles of a 4x4 board in one of four directions. Two tiles of equal value that meet merge
    into one of twice the value, at most once a move. After every move that changes the board a new tile appears in
    a random empty cell: 2 with probability 0.9, else 4. The game ends when no move changes the board.

    Action Space
    ------------
    ``Discrete(4)``: 0 up, 1 right, 2 down, 3 left.

    An action is illegal where it does not change the board. ``info["action_mask"]`` and `action_masks` say which are
    legal. An illegal action never moves, merges or adds a tile, pays 0, and leaves score, ``n_moves`` and the random
    stream as they are. See the argument ``illegal`` for what else it does.

    Observation Space
    -----------------
    ``Box(0, 17, (4, 4), uint8)``: the exponents of the tiles, rows from top to bottom: 0 is an empty cell, e the tile
    2**e. The largest tile that the rules allow is 131072, e = 17.

    Rewards
    -------
    The sum of the tiles that merges made in this step, in points, a float: 2 2 2 2 to the left pays 4 + 4 = 8. The
    undiscounted return of an episode is the score of the game.

    Info
    ----
    ``reset`` and ``step`` return the same keys, all describing the board after the new tile:

    - ``score``: points since the start of the episode, int;
    - ``max_tile``: the largest tile, e.g. 2048, int;
    - ``n_moves``: legal moves since the start of the episode, int;
    - ``action_mask``: ndarray of int8, shape (4,), 1 for every legal action. Yours to keep: no later step changes it.

    Starting State
    --------------
    An empty board with two new tiles. ``reset(options={"board": exponents})`` starts from any board of shape (4, 4)
    that allows a move, with score 0.

    ``reset(seed=s)`` starts the game that `game2048.Game` plays with seed s, and that game i of `Game2048VectorEnv`
    plays with seed s - i. Later resets without a seed continue the random stream; a first reset without one
    draws a seed from ``np_random``.

    Episode End
    -----------
    Terminated: no action is legal (or an illegal one was played with ``illegal="terminate"``). Never truncated;
    ``gymnasium.make("Game2048-v0", max_episode_steps=...)`` adds a time limit. A step after a game
    over changes nothing and is terminated again.

    Arguments
    ---------
    - ``render_mode``: None, ``"human"`` (prints the board to the terminal after every step), ``"rgb_array"`` (ndarray
      of uint8, shape (400, 400, 3)) or ``"ansi"`` (coloured text);
    - ``illegal``: ``"noop"`` (default; nothing happens), ``"raise"`` (`IllegalMoveError`) or ``"terminate"`` (the
      episode is terminated with reward 0).

    >>> import gymnasium, game2048
    >>> env = gymnasium.make("Game2048-v0", illegal="raise")
    >>> observation, info = env.reset(options={"board": [[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4]})
    >>> info["action_mask"]
    array([0, 1, 1, 1], dtype=int8)
    >>> env.step(3)[1]
    4.0

    Version History
    ---------------
    - v0: initial version.
    """

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array", "ansi"], "render_fps": 8}  # noqa: RUF012  declared so by Gymnasium

    def __init__(self, render_mode: str | None = None, illegal: Illegal = "noop") -> None:
        check_choice("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        check_choice("illegal", illegal, ILLEGAL_MODES)
        self.render_mode = render_mode
        self.illegal = illegal
        self.observation_space = spaces.Box(0, rules.MAX_EXPONENT, (4, 4), np.uint8)
        self.action_space = spaces.Discrete(4)
        self._state = np.zeros(N_WORDS, np.uint64)
        self._seeded = False
        self._tables = rules.row_tables()
        self._screen: render.Screen | None = None

    # --- Gymnasium ---

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Start a new episode; see the class for ``seed`` and ``options``.

        Raises
        ------
        ValueError
            If ``seed`` is not a non-negative integer, or ``options["board"]`` not a board that allows a move.
        """
        board = start_from(options)
        seed = None if seed is None else streams.checked_seed(seed)
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        if seed is not None:
            self._state[RNG] = streams.seed(seed)[0]
            self._seeded = True
        if board is None:
            board = rules.start_board(self._state, RNG), np.uint64(0)
        self._state[BOARD], self._state[HIGH] = board
        self._state[SCORE] = self._state[N_MOVES] = 0
        if self.render_mode == "human":
            self.render()
        return self.board, self._info()

    def step(self, action: SupportsIndex) -> tuple[npt.NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Play an action: 0 up, 1 right, 2 down, 3 left.

        Returns
        -------
        tuple
            (observation, reward, terminated, truncated, info), see the class.

        Raises
        ------
        ValueError
            If the action is not 0, 1, 2 or 3.
        IllegalMoveError
            If the action is illegal and the environment was made with ``illegal="raise"``.
        gymnasium.error.ResetNeeded
            If `reset` was never called.
        """
        observation = np.empty((4, 4), np.uint8)
        try:
            move = operator.index(action)
        except TypeError:
            raise bad_action(action) from None
        if not 0 <= move <= 3:
            move = -1  # refused by the kernel, whose integers end at 2**63 - 1
        outcome, reward, bits, score, exponent, n_moves = step_game(move, self._state, self._tables, observation)
        terminated = not bits
        if outcome:
            terminated = self._refuse(outcome, action, terminated)
        info = {
            "score": score,
            "max_tile": _TILES[exponent],
            "n_moves": n_moves,
            "action_mask": _MASKS[bits].copy(),
        }
        if self.render_mode == "human":
            self.render()
        return observation, float(reward), terminated, False, info

    def render(self) -> npt.NDArray[np.uint8] | str | None:
        """Return the frame of ``render_mode`` (see the class), or print it for ``"human"``."""
        if self.render_mode is None:
            gym.logger.warn("render() does nothing without a render_mode: gymnasium.make(..., render_mode='rgb_array')")
            return None
        if self.render_mode == "rgb_array":
            return render.rgb_board(self.board)
        text = render.ansi_board(self.board, score=int(self._state[SCORE]))
        if self.render_mode == "ansi":
            return text
        if self._screen is None:
            self._screen = render.Screen(fps=self.metadata["render_fps"])
        self._screen.show(text)
        return None

    # --- for people and trainers ---

    @property
    def board(self) -> npt.NDArray[np.uint8]:
        """Exponents, ndarray of uint8, shape (4, 4); a copy."""
        return rules.unpack(self._state[BOARD], self._state[HIGH])

    @property
    def packed(self) -> tuple[np.uint64, np.uint64]:
        """The board as (board, high), see `game2048.board`."""
        return self._state[BOARD], self._state[HIGH]

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return True for every legal action, ndarray of bool, shape (4,)."""
        return _MASKS[self._mask_bits()].astype(np.bool_)

    # --- inside ---

    def _refuse(self, outcome: int, action: SupportsIndex, game_over: bool) -> bool:
        """Answer an action that was not played: raise, or return whether the episode is terminated."""
        if outcome == NOT_RESET:
            raise gym.error.ResetNeeded("reset() must be called before step()")
        if outcome == NOT_AN_ACTION:
            raise bad_action(action)
        if self.illegal == "raise":
            raise illegal_move(int(action), game_over)
        return game_over or self.illegal == "terminate"

    def _mask_bits(self) -> int:
        return rules.action_mask_wide(self._state[BOARD], self._state[HIGH])

    def _info(self) -> dict[str, Any]:
        return {
            "score": int(self._state[SCORE]),
            "max_tile": _TILES[rules.largest_exponent(*self.packed)],
            "n_moves": int(self._state[N_MOVES]),
            "action_mask": _MASKS[self._mask_bits()].copy(),
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": None, "_screen": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _tables=rules.row_tables())


# --- checks shared with the vector environment ---


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise ValueError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def start_from(options: dict[str, Any] | None) -> tuple[np.uint64, np.uint64] | None:
    """Return the packed board of the reset options, or None where there is none."""
    if options is None or options.get("board") is None:
        return None
    try:
        board, high = rules.pack(options["board"])
    except ValueError as error:
        raise ValueError(f"options['board']: {error}") from None
    if rules.action_mask_wide(board, high) == 0:
        raise ValueError("options['board'] must allow at least one move, got a board where the game is over")
    return board, high


def illegal_move(action: int, game_over: bool, game: int | None = None) -> IllegalMoveError:
    """Return the error for an action that does not change the board."""
    where = "" if game is None else f"game {game}: "
    if game_over:
        return IllegalMoveError(f"{where}the game is over: call reset()")
    return IllegalMoveError(f"{where}action {action} ({rules.ACTION_NAMES[action]}) does not change the board")
