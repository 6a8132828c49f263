"""Players by name or folder, and the options that say how a trained one plays."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cli.common import MAX_ROLLOUTS, SWITCH, option, preparing
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from agents.base import Agent
    from agents.expectimax import Leaves
    from agents.ntuple import NTupleAgent
    from agents.policy.agent import PolicyAgent

BASELINES: Final = ("random", "greedy", "monte-carlo")
HEURISTIC: Final = "heuristic"  # as in agents.heuristic; searches like a trained model
MAX_DEPTH: Final = 16  # as in agents.expectimax, which would load kernels
MAX_SECONDS: Final = 3600.0
NETWORK_ONLY: Final = ("p_cut", "downgrade")  # of n-tuple networks
BATCHED_DEPTH: Final = 3  # under a time limit, where none is given
MAX_BATCHED_DEPTH: Final = 5  # of policies; the layers of more fill the memory


@dataclass(frozen=True, kw_only=True)
class PlayerOptions:
    """How an agent plays; a base of the commands that let one play."""

    rollouts: int = 100
    """Random games per action, for monte-carlo."""
    depth: Annotated[int | None, option("INT", "no search")] = None
    """Let a trained model search so many moves ahead, by its values, or those of the critic that it learned by; after
    the first move a policy looks only at likely ones."""
    seconds_per_move: Annotated[float | None, option("FLOAT", "no limit")] = None
    """Let a trained model search as deep as it can in so much time, to --depth at most."""
    p_cut: Annotated[float, option("FLOAT", "0, nothing is cut")] = 0.0
    """Do not let an n-tuple network search beyond positions that are less likely than this."""
    downgrade: Annotated[bool, SWITCH] = False
    """Let an n-tuple network play boards with very large tiles like those where they are half as large."""
    prior: Annotated[Path | None, option("FOLDER")] = None
    """With --depth: after the first move, look only at those that the policy in this folder finds likely."""
    sample: Annotated[bool, SWITCH] = False
    """Let a policy draw its moves from its probabilities, instead of taking the likeliest."""
    symmetric: Annotated[bool, SWITCH] = False
    """Let a policy average over the eight rotations and reflections of each board: slower, steadier."""

    def check_options(self) -> None:
        """Refuse what makes no sense whoever plays."""
        require("--rollouts", self.rollouts, 1, MAX_ROLLOUTS)
        if self.depth is not None:
            require("--depth", self.depth, 1, MAX_DEPTH)
            if self.sample:
                raise UsageError("--sample and --depth exclude each other: a search plays what it finds best")
        elif self.prior is not None:
            raise UsageError("--prior narrows a search: it needs --depth")
        self._check_limits()

    def _check_limits(self) -> None:
        if self.seconds_per_move is not None and not 0 < self.seconds_per_move <= MAX_SECONDS:
            raise UsageError(f"--seconds-per-move must be in (0, {MAX_SECONDS:g}], got {self.seconds_per_move:g}")
        if self.seconds_per_move is not None and self.sample:
            raise UsageError("--sample and --seconds-per-move exclude each other: a search plays what it finds best")
        if not 0 <= self.p_cut < 1:
            raise UsageError(f"--p-cut must be in [0, 1), got {self.p_cut:g}")
        if self.p_cut and self.depth is None and self.seconds_per_move is None:
            raise UsageError("--p-cut cuts a search: it needs --depth or --seconds-per-move")
        if self.prior is not None and (self.p_cut or self.downgrade):
            raise UsageError("--prior excludes --p-cut and --downgrade")

    def load(self, name: str) -> "Agent":
        """Return a baseline by name, or the model in a folder, to play as the options say.

        Raises
        ------
        UsageError
            If an option is for other players.
        NoCheckpointError, CheckpointError
            If there is no such model, or it cannot be used.
        """
        with preparing():
            from agents import baselines
            from agents.errors import NoCheckpointError

        if name in BASELINES:
            self._refuse_options(
                name, ("depth", "prior", "sample", "symmetric", "seconds_per_move", *NETWORK_ONLY), "trained models"
            )
            if name == "monte-carlo":
                return baselines.MonteCarloAgent(self.rollouts)
            return baselines.RandomAgent() if name == "random" else baselines.GreedyAgent()
        folder = Path(name)
        if name == HEURISTIC:
            return self._heuristic_player()
        if not folder.exists():
            known = ", ".join((*BASELINES, HEURISTIC))
            raise NoCheckpointError(
                f"no model at {name}: there is no such folder, and it is not one of {known} "
                "(train one with: game2048 train)"
            )
        return self._load_model(folder)

    def _heuristic_player(self) -> "Agent":
        with preparing():
            from agents.heuristic import NAME, heuristic_values
            from agents.ntuple import NTupleAgent
            from agents.players import load_policy

        prior = None if self.prior is None else load_policy(self.prior)
        return self._ntuple_player(NTupleAgent(heuristic_values(), name=NAME), prior)

    def _load_model(self, folder: Path) -> "Agent":
        with preparing():
            from threadpoolctl import threadpool_limits

            from agents.ntuple import NTupleAgent
            from agents.players import load_player, load_policy

        # The threads of a command play games of their own; and with several threads, BLAS cuts a batch into parts whose
        # sums depend on where they are cut.
        threadpool_limits(1, user_api="blas")
        model = load_player(folder)
        prior = None if self.prior is None else load_policy(self.prior)
        if isinstance(model, NTupleAgent):
            return self._ntuple_player(model, prior)
        return self._policy_player(model, prior, folder)

    def _ntuple_player(self, model: "NTupleAgent", prior: "PolicyAgent | None") -> "Agent":
        others = ("sample", "symmetric") if prior is None else ("sample",)
        self._refuse_options("an n-tuple network", others, "policies")
        if self.depth is None and self.seconds_per_move is None and not self.downgrade:
            return model
        with preparing():
            from agents.ntuple_search import NTupleSearchAgent, ntuple_leaves

        if prior is not None:
            return self._searcher(ntuple_leaves(model.values), prior, model.name, f", narrowed by {prior.name}")
        seconds = self.seconds_per_move
        depth = 1 if self.depth is None and seconds is None else self.depth
        agent = NTupleSearchAgent(
            model.values, depth=depth, seconds=seconds, p_cut=self.p_cut, downgrading=self.downgrade
        )
        agent.name = f"{model.name}, {agent.manner()}"
        return agent

    def _policy_player(self, model: "PolicyAgent", prior: "PolicyAgent | None", folder: Path) -> "Agent":
        from agents.policy.agent import PolicyAgent

        self._refuse_options("a policy", NETWORK_ONLY, "n-tuple networks")
        name = f"{model.name}, 8 symmetries" if self.symmetric else model.name
        if self.depth is None and self.seconds_per_move is None:
            if self.sample:
                return PolicyAgent(model.network, mode="sample", symmetric=self.symmetric, name=f"{name}, sampled")
            return PolicyAgent(model.network, symmetric=self.symmetric, name=name)
        narrowed = "" if prior is None else f", narrowed by {prior.name}"
        values, whose = self._values_of(model, folder)
        return self._searcher(values, prior or model, name, f"{whose}{narrowed}")

    def _values_of(self, model: "PolicyAgent", folder: Path) -> "tuple[Leaves, str]":
        """Return the values that the policy has learned by, those of the critic in its folder or its own, and a name.

        At depth 1 a critic plays all by itself, so that the name of the player must tell whose the values are.
        """
        with preparing():
            from agents.checkpoint import CRITIC_FOLDER, FILE_NAME, load_agent
            from agents.ntuple_search import ntuple_leaves
            from agents.players import policy_notes
            from agents.policy.search import network_leaves
            from agents.policy.unit import ValueUnit

        if (folder / CRITIC_FOLDER / FILE_NAME).is_file():
            return ntuple_leaves(load_agent(folder / CRITIC_FOLDER).values), " by its critic"
        if not model.network.has_values:
            raise CliError(
                f"{folder} has no values to search with; name an n-tuple network that has: "
                f"TEACHER --depth {self.depth or 2} --prior {folder}"
            )
        unit = ValueUnit.from_notes(policy_notes(folder))
        return network_leaves(model.network, unit, symmetric=self.symmetric), ""

    def _searcher(self, values: "Leaves", prior: "PolicyAgent", name: str, how: str) -> "Agent":
        from agents.expectimax import ExpectimaxAgent
        from agents.policy.search import network_prior

        depth = BATCHED_DEPTH if self.depth is None else self.depth
        require("--depth", depth, 1, MAX_BATCHED_DEPTH)
        name += f", depth {depth}"
        name += "" if self.seconds_per_move is None else f", {self.seconds_per_move:g} s a move"
        narrowing = network_prior(prior.network, symmetric=self.symmetric)
        return ExpectimaxAgent(values, depth=depth, prior=narrowing, seconds=self.seconds_per_move, name=name + how)

    def _refuse_options(self, player: str, names: tuple[str, ...], others: str) -> None:
        for name in names:
            if getattr(self, name):
                raise UsageError(f"--{name.replace('_', '-')} is for {others}, not for {player}")
