"""``game2048 train`` with the algorithms that train a policy network: their options, and a run under a bar."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import tyro

from cli.common import SWITCH, default_threads, option, preparing, stderr
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from agents.policy.learner import Learner
    from agents.policy.run import Row

ALGORITHMS: Final = ("vtrace", "ppo", "reinforce", "pretrain")
DEFAULT_MINUTES: Final = 15.0
MAX_STEPS: Final = 10**12


@dataclass(frozen=True, kw_only=True)
class PolicyOptions:
    """Options of the algorithms that train a policy network. What is left out is the algorithm's own choice."""

    steps: Annotated[int | None, option("INT", "15 minutes")] = None
    """Number of moves to learn from, those before a --resume included; --schedule ends there."""
    from_: Annotated[Path | None, tyro.conf.arg(name="from", metavar="FOLDER", help_behavior_hint="")] = None
    """Begin with the network of another run, as one of --algo pretrain, instead of random weights."""
    teacher: Annotated[Path | None, option("FOLDER")] = None
    """Run whose agent plays the games to imitate, for --algo pretrain."""
    replay: Annotated[float | None, option("FLOAT")] = None
    """Past moves to learn from again for each new one, for --algo vtrace; 0: learn from each move once."""
    capacity: Annotated[int | None, option("INT")] = None
    """Number of past moves to remember, for --algo vtrace."""
    critic: Annotated[Literal["network", "afterstates"] | None, option("{network,afterstates}")] = None
    """Whose values --algo vtrace learns by: the network's own, or those of n-tuples that learn beside it (770 MiB)."""
    critic_from: Annotated[Path | None, option("FOLDER")] = None
    """Run of --algo td with which --critic afterstates begins, instead of zeros."""
    prioritised: Annotated[bool, SWITCH] = False
    """Remember moves with large errors more often, for --algo vtrace."""
    parallel_games: Annotated[int | None, option("INT")] = None
    """Games that are played side by side."""
    horizon: Annotated[int | None, option("INT")] = None
    """Moves of every game between two times of learning."""
    lr: Annotated[float | None, option("FLOAT")] = None
    """Learning rate of Adam."""
    schedule: Annotated[Literal["constant", "linear", "cosine"] | None, option("{constant,linear,cosine}")] = None
    """How the learning rate falls until --steps."""
    gamma: Annotated[float | None, option("FLOAT")] = None
    """Discount of a move, in (0, 1]."""
    entropy: Annotated[float | None, option("FLOAT")] = None
    """Weight of the policy's entropy; more of it, more exploration."""
    reward: Annotated[Literal["log2", "score/sum", "points"] | None, option("{log2,score/sum,points}")] = None
    """How points are compressed: their logarithm, their ratio to the sum of all tiles, or not at all."""
    end_penalty: Annotated[float | None, option("FLOAT")] = None
    """What the end of a game costs, in compressed points."""
    curriculum: Annotated[float | None, option("FLOAT")] = None
    """Fraction of games that begin in the middle of earlier ones."""
    ema: Annotated[float | None, option("FLOAT", "none")] = None
    """Decay of an average of the weights, which then plays."""


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """How the policy network is made."""

    body: Annotated[
        Literal["mlp", "conv", "transformer", "ntuple"] | None, option("{mlp,conv,transformer,ntuple}", "mlp")
    ] = None
    """Fully connected, 2x2 convolutions, attention between the cells, or nothing but n-tuple tables (513 MiB)."""
    reads: Annotated[Literal["board", "afterstates"] | None, option("{board,afterstates}", "board")] = None
    """What it is shown: the board, or the four boards that the moves lead to."""
    inputs: Annotated[
        Literal["one-hot", "embedding", "tuples"] | None, option("{one-hot,embedding,tuples}", "one-hot")
    ] = None
    """How it reads tiles: one-hot, as learned vectors, or by n-tuple tables too."""
    width: Annotated[int | None, option("INT", "256")] = None
    """Neurons of the first layer, channels, or length of vectors."""
    depth: Annotated[int | None, option("INT", "2")] = None
    """Hidden layers, convolutions, or blocks of attention."""
    hidden: Annotated[int | None, option("INT", "256")] = None
    """Neurons of the other layers."""


SETTING: Final = {
    "steps": "planned_steps",
    "parallel_games": "n_games",
    "schedule": "lr_schedule",
    "curriculum": "start_fraction",
}
"""Options that are called otherwise in the settings."""
ONLY: Final = {
    "teacher": "pretrain",
    "replay": "vtrace",
    "capacity": "vtrace",
    "critic": "vtrace",
    "critic_from": "vtrace",
    "prioritised": "vtrace",
}
"""Options that belong to one algorithm."""


def given(options: Any) -> dict[str, Any]:
    """Return the options that were given, by name."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def spelled(name: str) -> str:
    """Return an option as it is written.

    >>> spelled("parallel_games"), spelled("from_")
    ('--parallel-games', '--from')
    """
    return "--" + name.rstrip("_").replace("_", "-")


def check_options(algorithm: str, policy: PolicyOptions) -> None:
    """Refuse options of other algorithms, and numbers that make no sense to any."""
    for name, owner in ONLY.items():
        if name in given(policy) and algorithm != owner:
            raise UsageError(f"{spelled(name)} belongs to --algo {owner}, got --algo {algorithm}")
    if policy.steps is not None:
        require("--steps", policy.steps, 1, MAX_STEPS)


def new_learner(
    algorithm: str, policy: PolicyOptions, network: NetworkOptions, *, threads: int | None, seed: int
) -> "Learner":
    """Make a learner as the options say; ``threads`` None: all processors."""
    with preparing():
        from agents.policy.algorithms import learner_class
        from agents.policy.checkpoint import load_network
        from agents.policy.config import NetworkConfig

        chosen = learner_class(algorithm)
    start = None if policy.from_ is None else load_network(policy.from_)
    if start is not None and (options := given(network)):
        raise UsageError(f"--from brings a network with it; leave out {spelled(next(iter(options)))}")
    settings = {"n_threads": threads or default_threads(), **_settings(policy)}
    try:
        config = NetworkConfig(**given(network)) if start is None else start.settings
        return chosen(chosen.Settings(seed=seed, network=config, **settings), network=start)
    except ValueError as error:
        raise UsageError(_in_options(str(error))) from None


def resumed_learner(
    folder: Path,
    algorithm: str | None,
    policy: PolicyOptions,
    network: NetworkOptions,
    *,
    threads: int | None,
    seed: int | None,
) -> "Learner":
    """Load the learner of a run; options that are given must be those of the run."""
    with preparing():
        from agents.policy.checkpoint import load_learner

    learner = load_learner(folder)
    own = learner.settings
    common = {"n_threads": threads, "seed": seed}
    wanted = {**_settings(policy), **given(network), **{name: x for name, x in common.items() if x is not None}}
    wanted.pop("planned_steps", None)  # a run may go on for longer than was planned
    have = {**asdict(own), **asdict(own.network)}
    if algorithm not in (None, learner.algorithm):
        raise UsageError(f"{folder} holds a run of --algo {learner.algorithm}, got --algo {algorithm}")
    for name, value in wanted.items():
        if have[name] != value:
            raise UsageError(_in_options(f"{name} of this run is {have[name]}, which --resume keeps; got {value}"))
    if policy.steps is not None and learner.steps >= policy.steps:
        raise CliError(f"{folder} has {learner.steps:,} steps already; ask for more with --steps")
    return learner


def _settings(policy: PolicyOptions) -> dict[str, Any]:
    """Return the settings of a learner that were given."""
    return {
        SETTING.get(name, name): str(value) if isinstance(value, Path) else value
        for name, value in given(policy).items()
        if name != "from_"
    }


def _in_options(message: str) -> str:
    """Call settings in a message what the command line calls them.

    >>> _in_options("planned_steps must be given where lr_schedule is linear, got None")
    '--steps must be given where --schedule is linear, got None'
    """
    names = {SETTING.get(field.name, field.name): field.name for kind in (PolicyOptions, NetworkOptions)
             for field in fields(kind)} | {"n_threads": "threads"}  # fmt: skip
    first, *others = re.split(r"(?<= where )|(?<= unless )", message)
    parts = [re.sub(r"^\w+", lambda found: spelled(names.get(found[0], found[0])), part) for part in (first, *others)]
    return "".join(parts)


def run_policy_training(
    learner: "Learner",
    folder: Path,
    stopped: Callable[[], bool],
    *,
    steps: int | None,
    minutes: float | None,
) -> "Row":
    """Train under a progress bar, then save; return the last line of the metrics, empty if nothing was learned."""
    from threadpoolctl import threadpool_limits

    from agents.policy.run import train
    from cli.progress import GamesBar, RunningScores

    scores = RunningScores(window=10)
    last: Row = {}
    seconds = None if minutes is None else 60 * minutes
    with GamesBar(stderr, learner.algorithm, steps, learner.steps, seconds, unit="steps") as bar:

        def show(row: "Row") -> None:
            last.update(row)
            if row["games"]:
                scores.add(row["mean_score"], row["tile_rates"])
            bar.update(row["steps"], " · ".join(figures(row, str(scores))))

        def should_stop() -> bool:
            bar.update(learner.steps)  # a slow network takes minutes from one line of the metrics to the next
            return stopped()

        # The threads that learn are ours; those of BLAS would get in their way, and change the last bits.
        with threadpool_limits(1, user_api="blas"):
            train(learner, folder, steps=steps, minutes=minutes, on_block=show, should_stop=should_stop)
    return last


def figures(row: "Row", scores: str) -> list[str]:
    """Return what a line of the metrics says, for the bar.

    >>> figures({"steps_per_second": 98765, "entropy": 0.51234, "kl": 0.00321, "td_error": 254.3}, "mean 5,000")
    ['99k steps/s', 'mean 5,000', 'entropy 0.51', 'KL 0.0032', 'TD error 254 points']
    >>> figures({"steps_per_second": 482}, "")
    ['482 steps/s']
    """
    speed = row["steps_per_second"]
    texts = [f"{speed / 1e3:.0f}k steps/s" if speed >= 10_000 else f"{speed:,} steps/s", scores]
    shown = {
        "accuracy": "agrees in {:.1f} %",
        "entropy": "entropy {:.2f}",
        "kl": "KL {:.2g}",
        "value_error": "value error {:.3g}",
        "td_error": "TD error {:.3g} points",
    }
    factors = {"accuracy": 100}
    texts += [text.format(factors.get(name, 1) * row[name]) for name, text in shown.items() if name in row]
    return [text for text in texts if text]
