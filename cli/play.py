"""``game2048 play``: in the terminal, by hand or by an agent."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import click
import tyro

from cli.common import check_seed, option, stdout, stop_on_interrupt
from cli.errors import CliError, UsageError, require
from cli.players import PlayerOptions
from cli.record import export_games

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.base import Agent
    from game2048.game import Game

ACTION_WORDS: Final = ("up", "right", "down", "left")
MAX_DELAY: Final = 3600.0  # seconds
KEYS: Final = {
    **dict.fromkeys(("\x1b[A", "\x1bOA", "w", "k"), 0),
    **dict.fromkeys(("\x1b[C", "\x1bOC", "d", "l"), 1),
    **dict.fromkeys(("\x1b[B", "\x1bOB", "s", "j"), 2),
    **dict.fromkeys(("\x1b[D", "\x1bOD", "a", "h"), 3),
}
QUIT_KEYS: Final = ("q", "\x03", "\x04", "\x1b")
UNDO_KEY: Final = "u"
HINT_KEY: Final = "?"


@dataclass(frozen=True, kw_only=True)
class Play(PlayerOptions):
    """Play 2048 in the terminal, or watch an agent play it there.

    Keys: arrows, WASD or hjkl; u takes a move back; ? asks the --hints agent; q quits.
    """

    agent: Annotated[str | None, tyro.conf.Positional, option("[AGENT]")] = None
    """Watch this agent: folder of a trained model, or random, greedy, monte-carlo. Without one, you play."""
    hints: Annotated[str | None, option("AGENT")] = None
    """Agent to ask with the key ?."""
    seed: Annotated[int | None, option("INT", "a new game every time")] = None
    """Seed of the game."""
    delay: float = 0.1
    """Seconds between two moves of an agent, on a terminal."""
    save: Annotated[Path | None, option("FOLDER")] = None
    """Folder to write the game to at the end, as a JSON file that the viewer opens."""

    def run(self) -> None:
        """Play."""
        from game2048.game import Game

        require("--delay", self.delay, 0, MAX_DELAY)
        self.check_options()
        seed = time.time_ns() % 2**53 if self.seed is None else self.seed
        check_seed(seed)
        if self.agent is not None and self.hints is not None:
            raise UsageError("--hints is for games that you play yourself")
        if self.save is not None:
            self.save.mkdir(parents=True, exist_ok=True)  # before the game: what cannot be kept is not played
        if self.agent is not None:
            agent = self.load(self.agent)
            with stop_on_interrupt() as stopped:
                self._finish(watch(Game(seed), agent, self.delay, stopped), agent.name)
        elif stdout.is_terminal:
            hints = self.load(self.hints) if self.hints else None
            self._finish(play_by_hand(seed, hints), "a person")
        else:
            raise CliError("to play by hand, run it in a terminal; to watch an agent, name it: game2048 play greedy")

    def _finish(self, game: "Game", player: str) -> None:
        end = "Game over" if game.is_over else "Stopped"
        stdout.print(
            f"{end}: {game.score:,} points, largest tile {game.max_tile}, {game.n_moves:,} moves, seed {game.seed}.",
            soft_wrap=True,
        )
        if self.save is not None:
            record = game.record(player)
            export_games([record], self.save, "game2048")
            stdout.print(f"Saved as {self.save / record.id}.json", soft_wrap=True)


def watch(game: "Game", agent: "Agent", delay: float, stopped: "Callable[[], bool]") -> "Game":
    """Show an agent's game move by move, until it is over or ``stopped``."""
    from game2048.render import Screen, ansi_board

    screen = Screen(fps=1 / max(delay, 1e-3))
    screen.show(ansi_board(game.board, score=game.score))
    while not game.is_over and not stopped():
        game.play(agent.act(game))
        screen.show(ansi_board(game.board, score=game.score))
    return game


def play_by_hand(seed: int, hints: "Agent | None") -> "Game":
    """Let a person play; taking a move back replays the others, which brings back the same tiles."""
    from game2048.game import Game
    from game2048.render import Screen, ansi_board

    screen = Screen(fps=1e6)
    moves: list[int] = []
    game = Game(seed)
    message = "arrows move · u takes back · q quits" + (" · ? hint" if hints else "")
    while not game.is_over:
        screen.show(f"{ansi_board(game.board, score=game.score)}\n{message}")
        key = read_key()
        message = ""
        if key in QUIT_KEYS:
            break
        if key == UNDO_KEY and moves:
            moves.pop()
            game = replay(seed, moves)
        elif key == HINT_KEY and hints is not None:
            message = hint(hints, game)
        elif key in KEYS and KEYS[key] in game.legal_actions:
            moves.append(KEYS[key])
            game.play(KEYS[key])
        elif key in KEYS:
            message = f"{ACTION_WORDS[KEYS[key]]} moves nothing"
    screen.show(ansi_board(game.board, score=game.score) + "\n")
    return game


def hint(agent: "Agent", game: "Game") -> str:
    """Say what an agent would do, and how sure it is where it thinks in probabilities."""
    from agents.base import ThinksInProbabilities

    words = f"{agent.name} would move {ACTION_WORDS[agent.act(game)]}"
    if not isinstance(agent, ThinksInProbabilities):
        return words
    likely = sorted(zip(agent.move_probabilities(game).tolist(), ACTION_WORDS, strict=True), reverse=True)
    return f"{words} ({', '.join(f'{name} {100 * p:.0f} %' for p, name in likely if p)})"


def read_key() -> str:
    """Wait for a key; Ctrl-C and the end of input count as quitting."""
    try:
        key = click.getchar()
    except (KeyboardInterrupt, EOFError):
        return "q"
    return key if key.startswith("\x1b") else key.lower()


def replay(seed: int, moves: list[int]) -> "Game":
    """Play the moves of a game again."""
    from game2048.game import Game

    game = Game(seed)
    for action in moves:
        game.play(action)
    return game
