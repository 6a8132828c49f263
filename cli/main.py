"""The entry point: parse, run one command, and turn expected failures into one line.

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 stopped with Ctrl-C.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import tyro

from cli.bench import Bench
from cli.compact import Compact
from cli.curves import Curves
from cli.demo import Demo
from cli.errors import CliError, UsageError, expected_failures
from cli.evaluate import Evaluate
from cli.export import Export
from cli.generate import Generate
from cli.generative import SUBCOMMANDS as GENERATIVE_SUBCOMMANDS
from cli.generative import Generative
from cli.nets import SUBCOMMANDS as NETS_SUBCOMMANDS
from cli.nets import Nets
from cli.play import Play
from cli.record import Record
from cli.serve import Serve
from cli.train import Train


class Command(Protocol):
    """A parsed command."""

    def run(self) -> None:
        """Do it."""


COMMANDS: Final[dict[str, Callable[..., Command]]] = {
    "demo": Demo,
    "train": Train,
    "evaluate": Evaluate,
    "curves": Curves,
    "play": Play,
    "record": Record,
    "export": Export,
    "compact": Compact,
    "serve": Serve,
    "nets": Nets,
    "generative": Generative,
    "generate": Generate,
    "bench": Bench,
}
SUBCOMMANDS: Final = {"nets": NETS_SUBCOMMANDS, "generative": GENERATIVE_SUBCOMMANDS}
DESCRIPTION: Final = (
    "Watch a machine learn 2048. New here? Run 'game2048 demo': it trains an agent for a minute and shows its best "
    "game in the browser."
)


def parse(arguments: Sequence[str]) -> Command:
    """Parse the command line.

    Raises
    ------
    UsageError
        If it is wrong; the message is one line.
    SystemExit
        With code 0, after printing help.
    """
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            command: Command = tyro.extras.subcommand_cli_from_dict(
                COMMANDS,
                args=list(arguments),
                prog="game2048",
                description=DESCRIPTION,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes),
            )
    except SystemExit as stop:
        if stop.code == 0:
            raise
        raise UsageError(first_message(messages.getvalue()) or "wrong usage") from None
    return command


def first_message(text: str) -> str:
    r"""Return the first section of tyro's error box as one line.

    Its choices are sorted, which in a set they are not, and without None, which stands for an option left out.

    >>> first_message("╭─ Value error ──╮\n│ --games: not a number │\n│ ───── │\n│ Argument helptext: │\n╰──╯")
    '--games: not a number'
    """
    lines: list[str] = []
    for raw in text.splitlines():
        if not raw.startswith(("│", "|")):  # rich draws with ASCII where it finds no UTF-8
            continue
        line = raw.strip("│| ")
        if line and not line.strip("─-"):
            break
        lines.append(line)
    message = " ".join(lines) if lines else " ".join(text.split())
    return re.sub(r"(?<=Expected one of )\(([^)]*)\)", lambda found: choices(found[1]), message)


def choices(text: str) -> str:
    """Return the choices of an option in words.

    >>> choices("'vtrace', 'None', 'ppo'")
    'ppo, vtrace'
    """
    return ", ".join(sorted(set(re.findall(r"'([^']*)'", text)) - {"None"}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``game2048`` and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        parse(arguments or ["--help"]).run()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output, head for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UsageError as error:
        print(f"game2048: {error} (help: {help_for(arguments)})", file=sys.stderr)
        return 2
    except CliError as error:
        print(f"game2048: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        message = expected_failures(error)
        if message is None:
            raise
        print(f"game2048: {message}", file=sys.stderr)
        return 1
    return 0


def help_for(arguments: Sequence[str]) -> str:
    """Return the command that explains what went wrong."""
    known = [*arguments[:1]] if arguments and arguments[0] in COMMANDS else []
    if known and len(arguments) > 1 and arguments[1] in SUBCOMMANDS.get(known[0], ()):
        known.append(arguments[1])
    return " ".join(["game2048", *known, "--help"])


if __name__ == "__main__":
    sys.exit(main())
