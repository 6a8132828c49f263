"""Players: who can play and judge games here, the baselines and what training left in the folder of runs.

A client names a player and never a path: names are compared with those that there are. What kind of model a run holds
is read from the header of its file, so that nothing is loaded here; `server.workers.thinking` does that.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from server.errors import DepthError, PlayerNotFoundError, RunNotFoundError
from server.headers import Header, read_header
from server.run_folder import RunFolder
from server.runs import Runs

Kind = Literal["n-tuple", "policy", "baseline"]

CHECKPOINT_NAME: Final = "checkpoint.safetensors"  # of an n-tuple network; as in agents.checkpoint
COMPACT_NAME: Final = "network.safetensors"  # as in agents.compact
MODEL_NAME: Final = "model.safetensors"  # of a policy; as in nets.checkpoint
CRITIC_FOLDER: Final = "critic"  # as in agents.checkpoint
NTUPLE_DEPTH: Final = 3
POLICY_DEPTH: Final = 2
MAX_PAGE_BYTES: Final = 4_000_000  # of a network that a page fetches to play by itself


class PlayerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the world is told of a player."""

    name: str
    """What to ask for it by."""
    title: str
    """What it is, for people."""
    kind: Kind
    min_depth: int
    """The depth at which it plays when none is asked for."""
    max_depth: int
    """Moves that it can look ahead at most; 0 looks at the board alone."""
    judge_depth: int | None
    """The depth from which on its values tell good moves from bad; None if they never do."""
    page_network: str | None = None
    """Where a page can fetch its network to look one move ahead by itself: the version to ask for; else None."""


@dataclass(frozen=True, kw_only=True)
class Player:
    """A player, and where it is kept."""

    info: PlayerInfo
    folder: Path | None = None
    """Of its run; a baseline has none."""
    critic: bool = False
    """Whether a policy searches by the values of an n-tuple network within its folder."""
    version: str = ""
    """Changes when the model is written anew."""

    def job(self) -> dict[str, Any]:
        """Return what `server.workers.thinking.load_thinker` takes."""
        folder = None if self.folder is None else str(self.folder)
        parts = {"folder": folder, "critic": self.critic, "version": self.version}
        return {"name": self.info.name, "kind": self.info.kind, **parts}

    def depth(self, wanted: int | None) -> int:
        """Return the depth at which it plays.

        Raises
        ------
        DepthError
            If it cannot look that far ahead, or has no values to search with.
        """
        depth = self.info.min_depth if wanted is None else wanted
        if not self.info.min_depth <= depth <= self.info.max_depth:
            raise DepthError(
                f"depth of {self.info.name!r} must be from {self.info.min_depth} to {self.info.max_depth}, got {depth}"
            )
        return depth

    def judging_depth(self, wanted: int | None) -> int:
        """Return the depth at which it judges moves.

        Raises
        ------
        DepthError
            If it cannot, at that depth.
        """
        lowest, highest = self.info.judge_depth, self.info.max_depth
        if lowest is None:
            raise DepthError(f"{self.info.name!r} has no values by which moves can be judged")
        depth = lowest if wanted is None else wanted
        if not lowest <= depth <= highest:
            raise DepthError(f"depth must be from {lowest} to {highest} where {self.info.name!r} judges, got {depth}")
        return depth


def _baseline(name: str, title: str, judge_depth: int | None = None) -> Player:
    info = PlayerInfo(name=name, title=title, kind="baseline", min_depth=0, max_depth=0, judge_depth=judge_depth)
    return Player(info=info)


BASELINES: Final = (
    _baseline("monte-carlo", "Monte Carlo: the mean of random games, no training", judge_depth=0),
    _baseline("greedy", "Greedy: the most points at once"),
    _baseline("random", "Random moves"),
)


class Players:
    """The players: those of the runs, the one with the best games first, then the baselines.

    Parameters
    ----------
    runs : Runs
        Where trained players are looked for.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def list(self) -> list[Player]:
        """Return all players; n-tuple networks come before policies."""
        taken = {player.info.name for player in BASELINES}
        found = [
            (player, run.summary().last.get("mean_score") or 0.0)
            for run in self._runs.folders()
            if run.name not in taken and (player := _of_run(run)) is not None
        ]
        found.sort(key=lambda item: (item[0].info.kind != "n-tuple", -item[1], item[0].info.name))
        return [*(player for player, _ in found), *BASELINES]

    def find(self, name: str) -> Player:
        """Return a player; only names that there are lead to one.

        Raises
        ------
        PlayerNotFoundError
            If there is none of this name.
        """
        for player in BASELINES:
            if player.info.name == name:
                return player
        with suppress(RunNotFoundError):
            found = _of_run(self._runs.find(name))
            if found is not None:
                return found
        raise PlayerNotFoundError(f"there is no player {name[:100]!r}")


def _of_run(run: RunFolder) -> Player | None:
    """Return the player that a run left behind, None if it is none."""
    checkpoint = read_header(run.folder / CHECKPOINT_NAME)
    if checkpoint is not None and checkpoint.values.get("format") == "game2048 n-tuple":
        return _ntuple(run, checkpoint)
    model = read_header(run.folder / MODEL_NAME)
    config = None if model is None else model.values.get("config")
    if model is not None and isinstance(config, dict) and config.get("model") == "policy":
        return _policy(run, model, config)
    compact = read_header(run.folder / COMPACT_NAME)
    if compact is not None and compact.values.get("format") == "game2048 compact n-tuple":
        return _ntuple(run, compact, page_network=compact.version if compact.size <= MAX_PAGE_BYTES else None)
    return None


def _ntuple(run: RunFolder, header: Header, page_network: str | None = None) -> Player:
    """Return an n-tuple network."""
    games = header.values.get("games")
    learned = f", {games:,} games" if isinstance(games, int) else ""
    info = PlayerInfo(
        name=run.name,
        title=f"{run.name}: n-tuple network{learned}",
        kind="n-tuple",
        min_depth=1,
        max_depth=NTUPLE_DEPTH,
        judge_depth=1,
        page_network=page_network,
    )
    return Player(info=info, folder=run.folder, version=header.version)


def _policy(run: RunFolder, model: Header, config: dict[str, Any]) -> Player:
    """Return a policy; it can search if it has values, its own or a critic's."""
    notes = model.values.get("notes")
    notes = notes if isinstance(notes, dict) else {}
    critic = read_header(run.folder / CRITIC_FOLDER / CHECKPOINT_NAME)
    searches = critic is not None or (config.get("body") != "ntuple" and "values" in notes)
    steps = notes.get("steps")
    learned = f", {steps:,} steps" if isinstance(steps, int) else ""
    info = PlayerInfo(
        name=run.name,
        title=f"{run.name}: policy network{learned}",
        kind="policy",
        min_depth=0,
        max_depth=POLICY_DEPTH if searches else 0,
        judge_depth=1 if searches else None,
    )
    version = model.version if critic is None else f"{model.version}+{critic.version}"
    return Player(info=info, folder=run.folder, critic=critic is not None, version=version)
