"""What can be chosen about learning, and how it changes while games are played."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MAX_DELAY: Final = 100  # moves
MIN_RESTART_SHARE: Final = 0.1
MAX_CAROUSEL_TILES: Final = 8  # 256 stages; the boards that are remembered take 4 MB for each thread
MOST_POINTS: Final = 4_000_000  # no game scores more


@dataclass(frozen=True, kw_only=True)
class TDSettings:
    """How to learn: `agents.learning_rules` says what each rule does, `agents.episodes` what games there are.

    Raises
    ------
    ValueError
        If a setting is out of range, or one that is a share of the games has no ``planned_games`` to be a share of.
    """

    alpha: float = 1.0
    """Global step size in (0, 1]; with temporal coherence, 1 is best and more than 1 diverges."""
    trace_decay_start: float = 0.5
    """lambda of the first game, in [0, 1]."""
    trace_decay_end: float = 0.5
    """lambda that later games approach, in [0, 1]; 0 for both is TD(0)."""
    trace_decay_games: float = 5000.0
    """lambda falls from start to end as exp(-game / trace_decay_games)."""
    delay: int = 0
    """Learn while playing, this many moves behind; with lambda = 1, TD(n). 0: learn backward when a game is over."""
    coherence_from: float = 0.0
    """Share of the planned games after which each weight has a step size of its own; 0: from the start, 1: never."""
    plain_alpha: float = 0.1
    """Step size in (0, 1] before that, for all weights the same."""
    alpha_drops: tuple[float, ...] = ()
    """Shares of the planned games, ascending in (0, 1), after each of which step sizes are a tenth."""
    planned_games: int = 0
    """How many games the shares are of; not a limit. 0: no plan."""
    cool_down: float = 0.0
    """Share of a run with a limit of time, in [0, 1], at the end of which step sizes are a tenth; 0: none."""
    cooled_from: int = 0
    """The game from which they are, counted from 0; 0: not yet (`agents.td.TDLearner.cool`)."""
    restart: float = 0.0
    """Where in a finished game to begin again, as a share of its moves, in [0.1, 1); 0: nowhere. Less would play a game
    from its beginning again and again, for hours: a tenth of the least game that is restarted is one move."""
    restart_after: int = 0
    """Games from the start that are not restarted yet: what is learned from the ends of bad games stays."""
    carousel_tiles: tuple[int, ...] = ()
    """Exponents whose tiles divide games into stages that are begun in turn, 1 to 15; none: no carousel."""
    initial: float = 0.0
    """V_0, what an unknown board is worth, points: optimistic if it is high."""

    def __post_init__(self) -> None:
        for name in ("alpha_drops", "carousel_tiles"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # lists, when they were read from JSON
        for name in ("alpha", "plain_alpha"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        for name in ("trace_decay_start", "trace_decay_end", "coherence_from", "cool_down"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if not (self.trace_decay_games > 0 and math.isfinite(self.trace_decay_games)):
            raise ValueError(f"trace_decay_games must be positive, got {self.trace_decay_games}")
        if not (type(self.delay) is int and 0 <= self.delay <= MAX_DELAY):
            raise ValueError(f"delay must be a number of moves from 0 to {MAX_DELAY}, got {self.delay}")
        if not all(0 < a < b < 1 for a, b in zip((1e-300, *self.alpha_drops), self.alpha_drops, strict=False)):
            raise ValueError(f"alpha_drops must be ascending shares in (0, 1), got {self.alpha_drops}")
        if not (type(self.planned_games) is int and self.planned_games >= 0):
            raise ValueError(f"planned_games must be a number of games, got {self.planned_games}")
        if self.planned_games == 0 and (0 < self.coherence_from < 1 or self.alpha_drops):
            raise ValueError("planned_games must be at least 1 for coherence_from or alpha_drops, got 0")
        if not (self.restart == 0 or MIN_RESTART_SHARE <= self.restart < 1):
            raise ValueError(f"restart must be 0 or in [{MIN_RESTART_SHARE}, 1), got {self.restart}")
        for name in ("restart_after", "cooled_from"):
            if not (type(getattr(self, name)) is int and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be a number of games, got {getattr(self, name)}")
        tiles = self.carousel_tiles
        if not all(type(tile) is int and 1 <= tile <= 15 for tile in tiles) or len(set(tiles)) < len(tiles):
            raise ValueError(f"carousel_tiles must be different exponents from 1 to 15, got {tiles}")
        if len(tiles) > MAX_CAROUSEL_TILES:
            raise ValueError(f"carousel_tiles must be at most {MAX_CAROUSEL_TILES} exponents, got {len(tiles)}")
        if not 0 <= self.initial <= MOST_POINTS:
            raise ValueError(f"initial must be from 0 to {MOST_POINTS} points, got {self.initial}")

    @property
    def first_coherent(self) -> float:
        """The first game with temporal coherence, counted from 0; inf if there is none."""
        if self.coherence_from == 1:
            return math.inf
        return math.ceil(self.coherence_from * self.planned_games)

    def lambda_at(self, games: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return lambda of each game, counted from 0."""
        fall = np.exp(-games / self.trace_decay_games)
        mixed = self.trace_decay_end + (self.trace_decay_start - self.trace_decay_end) * fall
        return mixed.astype(np.float32)

    def restart_at(self, games: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the share of its moves after which each game is begun again, counted from 0; 0: it is not."""
        return np.where(games < self.restart_after, 0.0, self.restart)

    def alpha_at(self, games: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the global step size of each game, counted from 0."""
        alpha = np.where(games >= self.first_coherent, self.alpha, self.plain_alpha)
        n_drops = np.searchsorted(np.array(self.alpha_drops) * self.planned_games, games, side="right")
        if self.cooled_from:
            n_drops = n_drops + (games >= self.cooled_from)
        dropped: npt.NDArray[np.float64] = alpha * 0.1**n_drops
        return dropped.astype(np.float32)
