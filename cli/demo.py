"""``game2048 demo``: the main job from end to end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cli.common import MAX_GAMES, SWITCH, check_seed, default_threads, preparing, stdout, stop_on_interrupt
from cli.errors import require
from cli.evaluate import print_evaluation, run_evaluation
from cli.record import BestGames
from cli.serve import check_port, check_port_number, run_server
from cli.train import check_minutes
from cli.train_td import run_training

KEPT_GAMES = 20


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Train an agent for about a minute, see how good it is, and watch its best game in the browser.

    The agent starts with nothing but the rules. Ctrl-C during training goes on with what has been learned so far.
    """

    minutes: float = 1.0
    """Minutes of training."""
    seed: int = 0
    """Seed of training and evaluation."""
    games: int = 500
    """Evaluation games; the best are kept for the viewer."""
    out: Path = Path("runs/demo")
    """Folder of the run; a run that is there is replaced."""
    port: int = 2048
    """Port of the viewer; 0 takes any free one."""
    no_browser: Annotated[bool, SWITCH] = False
    """Do not open the page in a browser."""
    no_serve: Annotated[bool, SWITCH] = False
    """Stop before the viewer."""

    def run(self) -> None:
        """Train, evaluate, record, serve."""
        check_minutes(self.minutes)
        require("--games", self.games, 1, MAX_GAMES)
        check_seed(self.seed)
        check_port_number(self.port)
        if not self.no_serve:
            check_port(self.port)  # before the work is done, not after
        self.out.mkdir(parents=True, exist_ok=True)
        self._train()
        best = self._evaluate()
        if not self.no_serve:
            self._show(best)

    def _train(self) -> None:
        stdout.print("1. Train an agent that knows nothing but the rules, by playing against itself.", style="bold")
        with preparing():
            from agents.td import TDLearner
            from agents.training import remove_run
        learner = TDLearner(seed=self.seed)
        remove_run(self.out)
        for path in self.out.glob("games.sqlite*"):
            path.unlink()
        with stop_on_interrupt(ends=False) as stopped:
            run_training(learner, None, self.out, stopped, minutes=self.minutes)
        stdout.print(f"It played {learner.games:,} games. The model is in {self.out}.", soft_wrap=True)

    def _evaluate(self) -> str:
        """Evaluate, store the best games, and return the id of the best."""
        from agents.checkpoint import load_agent
        from server.store import GameStore
        from server.urls import sqlite_url

        stdout.print(f"2. Evaluate it on {self.games} games that it has not seen.", style="bold")
        agent = load_agent(self.out)
        keep = BestGames(KEPT_GAMES)
        evaluation = run_evaluation(
            agent, self.games, self.seed + 1, default_threads(), lambda timed: keep.add(timed.game)
        )
        print_evaluation(evaluation)
        records = [game.record(agent.name) for game in keep.sorted()]
        with GameStore(sqlite_url(self.out / "games.sqlite")) as store:
            store.add_many(records)
        return records[0].id

    def _show(self, game_id: str) -> None:
        from server.app import create_app
        from server.config import ServerConfig
        from server.urls import sqlite_url

        stdout.print("3. Watch its best game.", style="bold")
        app = create_app(ServerConfig(database=sqlite_url(self.out / "games.sqlite"), runs=self.out.parent))
        run_server(app, host="127.0.0.1", port=self.port, browser=not self.no_browser, page=f"games/{game_id}?play")
