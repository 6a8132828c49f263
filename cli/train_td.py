"""``game2048 train --algo td``: the options of n-tuple networks, recipes, memory, and a run under a bar."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cli.cluster import ClusterOptions
from cli.common import default_threads, option, preparing, stderr
from cli.errors import CliError, UsageError
from cli.train_policy import given

if TYPE_CHECKING:
    from agents.networks import Network
    from agents.recipes import Recipe
    from agents.td import TDLearner
    from agents.td_settings import TDSettings
    from agents.training import BlockMetrics

RecipeName = Literal["fast", "strong", "record"]  # as in agents.recipes
SETTINGS: Final = {
    "alpha": "alpha",
    "lambda_start": "trace_decay_start",
    "lambda_end": "trace_decay_end",
    "delay": "delay",
    "plain_alpha": "plain_alpha",
    "coherence_from": "coherence_from",
    "alpha_drops": "alpha_drops",
    "initial": "initial",
    "restart": "restart",
    "restart_after": "restart_after",
    "cool_down": "cool_down",
    "carousel": "carousel_tiles",
}
"""Options, and what they are called in the settings."""


@dataclass(frozen=True, kw_only=True)
class TDOptions:
    """Options of --algo td."""

    recipe: Annotated[RecipeName | None, option("{fast,strong,record}", "fast")] = None
    """Network, settings and limits that belong together; the other options change single ones. (A resumed run keeps its
    network and settings.)"""
    games: Annotated[int | None, option("INT", "the recipe's; none with --minutes")] = None
    """Number of training games, those before a --resume included; what --restart and --carousel add is not counted."""
    network: Annotated[str | None, option("NAME", "the recipe's")] = None
    """Tables: parts joined by +, such as 4x6, 5x6, 8x6, 17x4, lines, squares, empty, large or a pattern of cells as hex
    digits; then perhaps @ and exponents of tiles that divide games into stages: 8x6+lines@15,14. (As --recipe.)"""
    alpha: Annotated[float | None, option("FLOAT", "1")] = None
    """Step size in (0, 1]; temporal coherence lowers it for each weight by itself."""
    lambda_start: Annotated[float | None, option("FLOAT", "0.5")] = None
    """lambda of TD(lambda) in the first game."""
    lambda_end: Annotated[float | None, option("FLOAT", "0.5")] = None
    """lambda that later games approach; 0 for both is TD(0)."""
    delay: Annotated[int | None, option("INT", "0")] = None
    """Learn while playing, so many moves behind; with lambda 1, TD(n). 0: backward when a game is over."""
    coherence_from: Annotated[float | None, option("FLOAT", "0")] = None
    """Share of --games after which step sizes are those of temporal coherence; 1: never."""
    plain_alpha: Annotated[float | None, option("FLOAT", "0.1")] = None
    """Step size in (0, 1] before that."""
    alpha_drops: Annotated[str | None, option("SHARES", "none")] = None
    """Shares of --games after each of which step sizes are a tenth, such as 0.5,0.75."""
    cool_down: Annotated[float | None, option("FLOAT", "the recipe's")] = None
    """Share of --minutes, at their end, in which step sizes are a tenth: what was learned settles."""
    initial: Annotated[float | None, option("FLOAT", "0")] = None
    """What an unknown board is worth, points: optimistic initialisation."""
    restart: Annotated[float | None, option("FLOAT", "the recipe's")] = None
    """Where in a finished game to begin again, as a share of its moves in [0.1, 1); 0: nowhere."""
    restart_after: Annotated[int | None, option("INT", "the recipe's")] = None
    """Games before --restart begins."""
    carousel: Annotated[str | None, option("EXPONENTS", "the recipe's")] = None
    """Tiles that divide games into stages which are begun in turn, such as 15,14,13."""


def limits(options: TDOptions, minutes: float | None) -> tuple[int | None, float | None]:
    """Return games and minutes of a run: as asked; where neither was asked for, the recipe's."""
    if options.games is not None or minutes is not None:
        return options.games, minutes
    recipe = _recipe(options)
    return recipe.games, recipe.minutes


def new_td_learner(options: TDOptions, games: int | None, threads: int | None, seed: int) -> "TDLearner":
    """Make a learner as the options say, and tell the memory that it takes before it takes it."""
    with preparing():
        from agents.td import TDLearner

    recipe, network = _recipe(options), _network(options)
    try:
        settings = _settings(options, recipe.settings, games)
    except ValueError as error:
        raise UsageError(_in_options(str(error))) from None
    stderr.print(_memory(network, coherent=settings.coherence_from < 1), soft_wrap=True)
    n_threads = threads or recipe.n_threads or default_threads()
    return TDLearner(settings, seed, network=network, n_threads=n_threads)


def resumed_td_learner(
    folder: Path, options: TDOptions, games: int | None, threads: int | None, seed: int | None
) -> "TDLearner":
    """Load the learner of a run, which may get other threads; other options that are given must be those of the run."""
    with preparing():
        from agents.checkpoint import load_learner, read_plan

    network, settings, header = read_plan(folder)
    _check_kept(options, seed, network, settings, header["seed"])
    if games is not None and header["games"] >= games:
        raise CliError(f"{folder} has {header['games']:,} games already; ask for more with --games")
    stderr.print(_memory(network, coherent=settings.coherence_from < 1), soft_wrap=True)
    learner = load_learner(folder)
    if threads is not None and threads != learner.n_threads:
        learner.use_threads(threads)
    return learner


def run_training(
    learner: "TDLearner",
    games: int | None,
    folder: Path,
    stopped: Callable[[], bool],
    *,
    minutes: float | None = None,
    cluster: ClusterOptions | None = None,
) -> None:
    """Train under a progress bar, up to a number of games or minutes, or until ``stopped``; then save."""
    from agents.training import train
    from cli.progress import GamesBar, RunningScores

    seconds = None if minutes is None else 60 * minutes
    deadline = None if seconds is None else time.monotonic() + seconds
    learner.warm()  # a run that goes on begins again with whole step sizes
    scores = RunningScores(window=10)
    with (
        (cluster or ClusterOptions()).training(learner) as elsewhere,
        GamesBar(stderr, "train", games, learner.games, seconds) as bar,
    ):

        def show(metrics: "BlockMetrics") -> None:
            scores.add(metrics.mean_score, metrics.tile_rates)
            bar.update(metrics.games, f"{metrics.moves_per_second / 1e6:.2f} M moves/s · {scores}")

        def should_stop() -> bool:
            return stopped() or (deadline is not None and time.monotonic() > deadline)

        def should_cool() -> bool:
            share = learner.settings.cool_down
            return share > 0 and deadline is not None and time.monotonic() > deadline - share * (seconds or 0)

        train(
            learner,
            games or sys.maxsize,
            folder,
            elsewhere=elsewhere,
            on_block=show,
            should_stop=should_stop,
            should_cool=should_cool,
        )


def _recipe(options: TDOptions) -> "Recipe":
    from agents.recipes import RECIPES

    return RECIPES[options.recipe or "fast"]


def _check_kept(
    options: TDOptions, seed: int | None, network: "Network", settings: "TDSettings", own_seed: int
) -> None:
    """Refuse what a run that goes on cannot become; a recipe without --network stands for its tables."""
    wanted_network = network if options.network is None and options.recipe is None else _network(options)
    try:
        wanted = _given_settings(options)
    except ValueError as error:
        raise UsageError(_in_options(str(error))) from None
    pairs: dict[str, tuple[Any, Any]] = {"--network": (network.name, wanted_network.name)}
    if seed is not None:
        pairs["--seed"] = (own_seed, seed)
    pairs.update((_in_options(f"{name} ").strip(), (getattr(settings, name), value)) for name, value in wanted.items())
    for name, (have, value) in pairs.items():
        if have != value:
            raise UsageError(f"{name} of this run is {have}, which --resume keeps; got {value}")


def _network(options: TDOptions) -> "Network":
    """Return the tables that were asked for, by name or by recipe."""
    from agents.errors import NetworkError
    from agents.networks import Network

    if options.network is None:
        return _recipe(options).network
    try:
        return Network.named(options.network)
    except NetworkError as error:
        raise UsageError(f"--network: {error}") from None


def _given_settings(options: TDOptions) -> dict[str, Any]:
    """Return the settings that were given, by their names in `TDSettings`."""
    values: dict[str, Any] = {SETTINGS[name]: value for name, value in given(options).items() if name in SETTINGS}
    for name, number in (("alpha_drops", float), ("carousel_tiles", int)):
        if name in values:
            values[name] = _numbers(name, values[name], number)
    return values


def _settings(options: TDOptions, settings: "TDSettings", games: int | None) -> "TDSettings":
    """Return a recipe's settings with those that were given; with a plan only where there are shares of one."""
    values = _given_settings(options)
    shares = {name: values.get(name, getattr(settings, name)) for name in ("alpha_drops", "coherence_from")}
    if shares["alpha_drops"] or 0 < shares["coherence_from"] < 1:
        values["planned_games"] = games or 0
    return replace(settings, **values)


def _numbers(name: str, text: str, number: Callable[[str], float]) -> tuple[float, ...]:
    """Return what is between commas; "0" and "" alike stand for nothing."""
    try:
        return tuple(number(part) for part in text.split(",")) if text not in ("", "0") else ()
    except ValueError:
        raise ValueError(f"{name} must be numbers joined by commas, got {text!r}") from None


def _memory(network: Any, *, coherent: bool) -> str:
    from agents.memory import GIB, available_bytes, describe_learning

    available = available_bytes()
    there = "" if available is None else f"; {available / GIB:.1f} GiB are available"
    return describe_learning(network, coherent=coherent) + there


def _in_options(message: str) -> str:
    """Call settings in a message what the command line calls them.

    >>> _in_options("trace_decay_start must be in [0, 1], got 2")
    '--lambda-start must be in [0, 1], got 2'
    """
    if message.startswith("planned_games"):
        return "--coherence-from and --alpha-drops are shares of --games, which must be given"
    for option_name, name in SETTINGS.items():
        if message.startswith(f"{name} "):
            return "--" + option_name.replace("_", "-") + message.removeprefix(name)
    return message
