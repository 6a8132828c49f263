"""GameRecord: a whole game in one byte a ply, verified by replaying it.

A ply is a move and the tile that appears after it, packed into 7 bits::

    action << 5 | cell << 1 | is_four

with action 0 up, 1 right, 2 down, 3 left, cell = 4 * row + column, and is_four 1 when the new tile is a 4. Together
with the start board this is the whole game: boards, rewards and score follow from the rules (`RULESET`).

In JSON the plies are a string of one character each, which gzip packs as tightly as the raw bytes: with
``k = code >> 1``, the k-th digit of base64url for a new 2, and the character U+00C0 + k for a new 4. A seed from 2**53
on is a string of decimal digits, because JavaScript rounds larger numbers; every seed is read in both forms.
``set_up`` is there, and true, where the start board is not one of the two tiles that the rules put there
(`GameRecord.is_set_up`).

A record may also hold what its player thought: ``probabilities``, how likely it was to play each of the four moves at
every ply, in parts of 255. They say nothing about the rules and are no part of the game's id. In JSON they are base64
(RFC 4648), which Python and browsers both read without a loop: 16 characters for three plies.
"""

import base64
import hashlib
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from game2048 import board as rules
from game2048._jit import njit

VERSION: Final = 1
RULESET: Final = "2048-4x4"
MAGIC: Final = b"G2048" + bytes([VERSION])
MAGIC_WITH_PROBABILITIES: Final = b"G2048" + bytes([VERSION | 0x80])
CERTAIN: Final = 255  # a probability of 1
ROUNDING: Final = 2  # four probabilities, each rounded by half a part at most
MAX_PLIES: Final = 2**17  # every move adds at least 2 to the sum of the tiles, which stays below 2**18
MAX_AGENT_LENGTH: Final = 200
MAX_SEED: Final = 2**64 - 1
BASE64URL: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PLY_CHARACTERS: Final = "".join(c + chr(0xC0 + k) for k, c in enumerate(BASE64URL))
_PLY_CODES: Final = {character: code for code, character in enumerate(PLY_CHARACTERS)}

_REASONS: Final = {
    1: "the move does not change the board",
    2: "the new tile appears in a cell that is not empty",
    3: "the ply is not a 7-bit code",
    4: f"its probabilities do not add up to {CERTAIN}",
    5: "a move that does not change the board has a probability",
}


class RecordError(ValueError):
    """A record that is not a legal game.

    Attributes
    ----------
    ply : int or None
        Number of the first illegal ply, counted from 1, where one is to blame.
    """

    def __init__(self, message: str, ply: int | None = None) -> None:
        super().__init__(message if ply is None else f"ply {ply}: {message}")
        self.ply = ply


@njit("int64(uint64, uint64, uint8[::1], uint32[::1], uint8[:, ::1], int64[::1], int64[::1])")
def replay_plies(
    board: np.uint64,
    high: np.uint64,
    plies: npt.NDArray[np.uint8],
    tables: rules.RowTables,
    boards: npt.NDArray[np.uint8],
    rewards: npt.NDArray[np.int64],
    failure: npt.NDArray[np.int64],
) -> int:
    """Replay plies; fill ``boards`` (n + 1, 16) and ``rewards`` (n,); return the number of legal plies.

    Where a ply is illegal, ``failure[0]`` is set to a key of ``_REASONS``.
    """
    rules.write_exponents(board, high, boards[0])
    for t in range(plies.size):
        code = int(np.int64(plies[t]))
        if code > 127:
            failure[0] = 3
            return t
        after, after_high, reward = rules.play(board, high, code >> 5, tables)
        if after == board and after_high == high:
            failure[0] = 1
            return t
        shift = np.uint64(4 * ((code >> 1) & 15))
        if (after >> shift) & np.uint64(15) != np.uint64(0):
            failure[0] = 2
            return t
        board = after | (np.uint64(1 + (code & 1)) << shift)
        high = after_high
        rewards[t] = np.int64(reward)
        rules.write_exponents(board, high, boards[t + 1])
    return plies.size


@njit("int64(uint8[:, ::1], uint8[:, ::1], int64[::1])")
def check_probabilities(
    boards: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.uint8], failure: npt.NDArray[np.int64]
) -> int:
    """Return how many rows of ``probabilities`` (n, 4) fit ``boards`` (n + 1, 16); ``failure`` as in `replay_plies`."""
    for t in range(len(probabilities)):
        board = np.uint64(0)
        high = np.uint64(0)
        for cell in range(16):
            exponent = np.uint64(boards[t, cell])
            low = min(exponent, np.uint64(15))
            board |= low << np.uint64(4 * cell)
            high |= (exponent - low) << np.uint64(4 * cell)
        mask = rules.action_mask_wide(board, high)
        total = 0
        for action in range(4):
            total += int(np.int64(probabilities[t, action]))
            if probabilities[t, action] and not (mask >> action) & 1:
                failure[0] = 5
                return t
        if abs(total - CERTAIN) > ROUNDING:
            failure[0] = 4
            return t
    return len(probabilities)


@dataclass(frozen=True, kw_only=True, eq=False)
class GameRecord:
    """A whole game: start board, plies, and who played it. Making one replays it, so every record is legal.

    Parameters
    ----------
    start : array_like of int, shape (4, 4) or (16,)
        Exponents of the start board.
    plies : array_like of int, shape (n_moves,)
        One code a ply, see the module's docstring.
    agent : str
        Who played, in words: at most 200 printable characters.
    seed : int, optional
        Seed of the game, where it is known: from 0 to 2**64 - 1.
    probabilities : array_like of int, shape (n_moves, 4), optional
        How likely the player was to move up, right, down and left, in parts of 255, see `quantized`. Impossible moves
        have 0; each row adds up to 255, give or take 2 for rounding.

    Attributes
    ----------
    boards : ndarray of uint8, shape (n_moves + 1, 4, 4)
        Exponents before the first and after every ply.
    rewards : ndarray of int64, shape (n_moves,)
        Points of every ply.

    Raises
    ------
    RecordError
        If the game is not legal, and the message names the first bad ply and the reason; or if the agent or the seed
        is none that can be kept.
    """

    start: npt.NDArray[np.uint8]
    plies: npt.NDArray[np.uint8]
    agent: str = "unknown"
    seed: int | None = None
    probabilities: npt.NDArray[np.uint8] | None = None
    boards: npt.NDArray[np.uint8] = field(init=False, repr=False)
    rewards: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "agent", _checked_agent(self.agent))
        object.__setattr__(self, "seed", _checked_seed(self.seed))
        try:
            board, high = rules.pack(self.start)
        except (ValueError, TypeError) as error:
            raise RecordError(f"start board: {error}") from error
        plies = _ply_codes(self.plies)
        boards = np.empty((plies.size + 1, 16), np.uint8)
        rewards = np.empty(plies.size, np.int64)
        failure = np.zeros(1, np.int64)
        n_legal = replay_plies(board, high, plies, rules.row_tables(), boards, rewards, failure)
        if n_legal < plies.size:
            raise RecordError(_REASONS[int(failure[0])], ply=n_legal + 1)
        frozen = {
            "start": boards[0].reshape(4, 4).copy(),
            "plies": plies,
            "boards": boards.reshape(-1, 4, 4),
            "rewards": rewards,
        }
        if self.probabilities is not None:
            frozen["probabilities"] = _checked_probabilities(self.probabilities, boards)
        for name, array in frozen.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    # --- what follows from the plies ---

    @property
    def n_moves(self) -> int:
        """Moves played."""
        return int(self.plies.size)

    @property
    def score(self) -> int:
        """Sum of the rewards, points."""
        return int(self.rewards.sum())

    @property
    def max_tile(self) -> int:
        """The largest tile of the last board."""
        exponent = int(self.boards[-1].max())
        return 1 << exponent if exponent else 0

    @property
    def is_set_up(self) -> bool:
        """Whether the game starts from a board that was set up, not from two tiles that are 2 or 4."""
        return sorted(self.start.ravel().tolist())[-3:] not in ([0, 1, 1], [0, 1, 2], [0, 2, 2])

    @property
    def actions(self) -> npt.NDArray[np.uint8]:
        """The moves, ndarray of uint8, shape (n_moves,)."""
        return self.plies >> np.uint8(5)

    @cached_property
    def id(self) -> str:
        """A name for the game made from its start board and plies: the same game has the same id."""
        return hashlib.sha256(self._game_bytes(MAGIC)).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GameRecord):
            return NotImplemented
        mine, theirs = ((record.to_bytes(), record.agent, record.seed) for record in (self, other))
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.id, self.agent, self.seed))

    # --- bytes: magic, 16 exponents, one byte a ply, then four a ply where there are probabilities ---

    def to_bytes(self) -> bytes:
        """Return the game (not who played it) as bytes: 22 and one a ply, or five with probabilities."""
        if self.probabilities is None:
            return self._game_bytes(MAGIC)
        return self._game_bytes(MAGIC_WITH_PROBABILITIES) + self.probabilities.tobytes()

    def _game_bytes(self, magic: bytes) -> bytes:
        return magic + self.start.tobytes() + self.plies.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, *, agent: str = "unknown", seed: int | None = None) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        RecordError
            If the bytes are not a record or not a legal game.
        """
        magic, start, rest = data[: len(MAGIC)], data[len(MAGIC) : len(MAGIC) + 16], data[len(MAGIC) + 16 :]
        n_plies, left_over = (len(rest), 0) if magic == MAGIC else divmod(len(rest), 5)
        if magic not in (MAGIC, MAGIC_WITH_PROBABILITIES) or len(start) < 16 or left_over:
            raise RecordError(f"not a game record of version {VERSION}: {len(data)} bytes, the first are {magic!r}")
        return cls(
            start=np.frombuffer(start, np.uint8),
            plies=np.frombuffer(rest[:n_plies], np.uint8),
            agent=agent,
            seed=seed,
            probabilities=None if magic == MAGIC else np.frombuffer(rest[n_plies:], np.uint8).reshape(-1, 4),
        )

    # --- JSON for the web ---

    def to_json(self) -> dict[str, Any]:
        """Return the game as plain JSON values, one character a ply."""
        set_up = {"set_up": True} if self.is_set_up else {}
        thoughts = self.probabilities
        return {
            "format": "game2048",
            "version": VERSION,
            "ruleset": RULESET,
            "id": self.id,
            "agent": self.agent,
            "seed": seed_to_json(self.seed),
            "score": self.score,
            "max_tile": self.max_tile,
            "n_moves": self.n_moves,
            **set_up,
            "start": self.start.ravel().tolist(),
            "plies": "".join(PLY_CHARACTERS[code] for code in self.plies.tolist()),
            **({} if thoughts is None else {"probabilities": base64.b64encode(thoughts.tobytes()).decode("ascii")}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; what it claims (id, score, tile, moves) must be what the replay gives.

        Raises
        ------
        RecordError
            If a field is missing or wrong, or the game is not legal.
        """
        version = data.get("version")
        if data.get("format") != "game2048" or type(version) is not int or version != VERSION:
            raise RecordError(
                f"format must be 'game2048' version {VERSION}, "
                f"got {_short(data.get('format'))} version {_short(version)}"
            )
        if data.get("ruleset", RULESET) != RULESET:
            raise RecordError(f"ruleset must be {RULESET!r}, got {_short(data['ruleset'])}")
        plies = data.get("plies")
        if not isinstance(plies, str):
            raise RecordError(f"plies must be a string, got {type(plies).__name__}")
        record = cls(
            start=_start_cells(data.get("start")),
            plies=_decode(plies),
            agent=data.get("agent", "unknown"),
            seed=_seed_from_json(data.get("seed")),
            probabilities=_probabilities_from_json(data.get("probabilities")),
        )
        facts = {"id": record.id, "score": record.score, "max_tile": record.max_tile, "n_moves": record.n_moves}
        for name, fact in {**facts, "set_up": record.is_set_up}.items():
            claim = data.get(name, fact)
            if type(claim) is not type(fact) or claim != fact:
                raise RecordError(f"{name} is {fact!r} by the rules, got {_short(claim)}")
        return record


# --- who played, and the seed ---


def seed_to_json(seed: int | None) -> int | str | None:
    """Return a seed as JSON holds it: as a string where JavaScript would round the number.

    >>> seed_to_json(2**53 - 1), seed_to_json(2**53)
    (9007199254740991, '9007199254740992')
    """
    return seed if seed is None or seed < 2**53 else str(seed)


def _seed_from_json(seed: object) -> Any:
    """Read a seed in either form; what is none is left for the record to refuse."""
    return int(seed) if isinstance(seed, str) and re.fullmatch("[0-9]{1,20}", seed) else seed


def _checked_seed(seed: object) -> int | None:
    """Return a seed as an int of Python."""
    if seed is None:
        return None
    try:
        number = operator.index(seed)  # type: ignore[arg-type]  # it says what is no integer
    except TypeError:
        number = -1
    if isinstance(seed, bool) or not 0 <= number <= MAX_SEED:
        raise RecordError(f"seed must be an integer from 0 to 2**64 - 1 or None, got {_short(seed)}")
    return number


def _checked_agent(agent: object) -> str:
    """Refuse a name that would spoil a list or a page."""
    if not isinstance(agent, str):
        raise RecordError(f"agent must be a string, got {type(agent).__name__}")
    if len(agent) > MAX_AGENT_LENGTH or not agent.isprintable():
        raise RecordError(f"agent must be at most {MAX_AGENT_LENGTH} printable characters, got {_short(agent)}")
    return agent


# --- the start board, and the plies ---


def _ply_codes(plies: npt.ArrayLike | Iterable[int]) -> npt.NDArray[np.uint8]:
    """Check and copy ply codes into a contiguous array of uint8."""
    codes = np.asarray(plies)
    if codes.ndim != 1:
        raise RecordError(f"plies must have one dimension, got shape {codes.shape}")
    _check_length(codes.size)
    if codes.size and (not np.issubdtype(codes.dtype, np.integer) or codes.min() < 0 or codes.max() > 255):
        raise RecordError("plies must be integers from 0 to 127")
    return np.array(codes, np.uint8)


def _check_length(n_plies: int) -> None:
    """Refuse more plies than a game can have."""
    if n_plies > MAX_PLIES:
        raise RecordError(f"a game has at most {MAX_PLIES} plies, got {n_plies}")


def _decode(plies: str) -> npt.NDArray[np.uint8]:
    """Turn the characters of the JSON form into ply codes."""
    _check_length(len(plies))
    try:
        return np.array([_PLY_CODES[character] for character in plies], np.uint8)
    except KeyError as error:
        ply = plies.index(error.args[0]) + 1
        raise RecordError(f"{error.args[0]!r} is not a character of a ply", ply=ply) from None


# --- what the player thought ---


def quantized(probabilities: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Return probabilities in parts of 255, rounded.

    >>> quantized(np.array([[0.5, 0.25, 0.25, 0]]))
    array([[128,  64,  64,   0]], dtype=uint8)
    """
    parts: npt.NDArray[np.uint8] = np.rint(probabilities * CERTAIN).astype(np.uint8)
    return parts


def _checked_probabilities(probabilities: npt.ArrayLike, boards: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Check and copy probabilities into a contiguous array of uint8."""
    given = np.asarray(probabilities)
    if given.shape != (len(boards) - 1, 4):
        raise RecordError(f"probabilities must have shape ({len(boards) - 1}, 4), four a ply, got {given.shape}")
    if given.size and (not np.issubdtype(given.dtype, np.integer) or given.min() < 0 or given.max() > CERTAIN):
        raise RecordError(f"probabilities must be integers from 0 to {CERTAIN}")
    checked, failure = np.array(given, np.uint8), np.zeros(1, np.int64)
    n_right = check_probabilities(boards, checked, failure)
    if n_right < len(checked):
        raise RecordError(_REASONS[int(failure[0])], ply=n_right + 1)
    return checked


def _probabilities_from_json(text: object) -> npt.NDArray[np.uint8] | None:
    """Read the JSON form of probabilities; whether there are as many as plies is for the record to say."""
    if text is None:
        return None
    try:
        data = base64.b64decode(text, validate=True)  # type: ignore[arg-type]  # it says what is no string
    except (ValueError, TypeError):
        raise RecordError(f"probabilities must be base64, got {_short(text)}") from None
    if len(data) % 4:
        raise RecordError(f"probabilities must be four bytes a ply, got {len(data)}")
    return np.frombuffer(data, np.uint8).reshape(-1, 4)


def _start_cells(start: object) -> npt.NDArray[np.uint8]:
    """Check that the start board of the JSON form is a list of 16 integers."""
    if not isinstance(start, list) or len(start) != 16 or any(type(e) is not int for e in start):
        raise RecordError(f"start must be a list of 16 integer exponents, got {_short(start)}")
    if not all(0 <= e <= rules.MAX_EXPONENT for e in start):
        raise RecordError(f"start exponents must be in [0, {rules.MAX_EXPONENT}], got {_short(start)}")
    return np.array(start, np.uint8)


def _short(value: object) -> str:
    """Show a value of unknown size in an error message."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."
