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
MAX_DEPTH: Final = 5  # as in agents.expectimax, which would load kernels


@dataclass(frozen=True, kw_only=True)
class PlayerOptions:
    """How an agent plays; a base of the commands that let one play."""

    rollouts: int = 100
    """Random games per action, for monte-carlo."""
    depth: Annotated[int | None, option("INT", "no search")] = None
    """Let a trained model search so many moves ahead, 1 to 5, by its values, or those of the critic that it learned
    by; after the first move a policy looks only at likely ones."""
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
            self._refuse_options(name, ("depth", "prior", "sample", "symmetric"), "trained models")
            if name == "monte-carlo":
                return baselines.MonteCarloAgent(self.rollouts)
            return baselines.RandomAgent() if name == "random" else baselines.GreedyAgent()
        folder = Path(name)
        if not folder.exists():
            raise NoCheckpointError(
                f"no model at {name}: there is no such folder, and it is not one of {', '.join(BASELINES)} "
                "(train one with: game2048 train)"
            )
        return self._load_model(folder)

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
        if self.depth is None:
            return model
        with preparing():
            from agents.ntuple_search import NTupleSearchAgent, ntuple_leaves

        name = f"{model.name}, depth {self.depth}"
        if prior is None:
            return NTupleSearchAgent(model.values, depth=self.depth, name=name)
        return self._searcher(ntuple_leaves(model.values), prior, f"{name}, narrowed by {prior.name}")

    def _policy_player(self, model: "PolicyAgent", prior: "PolicyAgent | None", folder: Path) -> "Agent":
        from agents.policy.agent import PolicyAgent

        name = f"{model.name}, 8 symmetries" if self.symmetric else model.name
        if self.depth is None:
            if self.sample:
                return PolicyAgent(model.network, mode="sample", symmetric=self.symmetric, name=f"{name}, sampled")
            return PolicyAgent(model.network, symmetric=self.symmetric, name=name)
        narrowed = "" if prior is None else f", narrowed by {prior.name}"
        values, whose = self._values_of(model, folder)
        return self._searcher(values, prior or model, f"{name}, depth {self.depth}{whose}{narrowed}")

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
                f"TEACHER --depth {self.depth} --prior {folder}"
            )
        unit = ValueUnit.from_notes(policy_notes(folder))
        return network_leaves(model.network, unit, symmetric=self.symmetric), ""

    def _searcher(self, values: "Leaves", prior: "PolicyAgent", name: str) -> "Agent":
        from agents.expectimax import ExpectimaxAgent
        from agents.policy.search import network_prior

        assert self.depth is not None
        narrowing = network_prior(prior.network, symmetric=self.symmetric)
        return ExpectimaxAgent(values, depth=self.depth, prior=narrowing, name=name)

    def _refuse_options(self, player: str, names: tuple[str, ...], others: str) -> None:
        for name in names:
            if getattr(self, name):
                raise UsageError(f"--{name} is for {others}, not for {player}")
