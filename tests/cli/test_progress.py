"""The bar of long work, on terminals and elsewhere."""

import io

import pytest
from rich.console import Console

from cli.progress import GamesBar

FIGURES = "196k steps/s · mean 1,570 · 256: 22 % · 512: 2 % · entropy 0.24 · KL 0.0032 · TD error 254 points"


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)


def test_a_terminal_of_80_columns_has_room_for_everything(terminal):
    with GamesBar(terminal, "vtrace", 100_000_000, seconds=60, unit="steps") as bar:
        bar.update(2_523_136, FIGURES)

    drawn = " ".join(terminal.file.getvalue().split())
    assert "2,523,136/100,000,000 steps" in drawn
    assert "left" in drawn
    assert FIGURES in drawn


def test_figures_stay_until_there_are_new_ones(terminal):
    with GamesBar(terminal, "ppo", 1000, unit="steps") as bar:
        bar.update(100, "mean 5,000")
        bar.update(200)

    last = terminal.file.getvalue().rpartition("ppo")[2]
    assert "200/1,000 steps" in last
    assert "mean 5,000" in last


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch):
    """Even before there are any figures."""
    console = Console(file=io.StringIO(), width=80)
    with GamesBar(console, "ppo", 1000, unit="steps") as bar:
        monkeypatch.setattr("cli.progress.time.monotonic", lambda now=bar._start: now + 11)
        bar.update(100)
        bar.update(200, "mean 5,000")
        monkeypatch.setattr("cli.progress.time.monotonic", lambda now=bar._start: now + 22)
        bar.update(300, "mean 6,000")

    assert console.file.getvalue() == "ppo: 100 steps, 10 % done\nppo: 300 steps, 30 % done, mean 6,000\n"
