"""Schemathesis on the whole interface: whatever is sent, the answer is as the OpenAPI document says, and never a 500.

Addresses are tried with names of what is there (games, players, models, runs), which chance would never find, and with
any. Streams are cut after two events: what they tell is tested where it is made. That what a schema allows may still be
refused, such as the cursor of no page, is no fault.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import positive_data_acceptance

from game2048 import GameRecord
from server import GameStore, ServerConfig, create_app
from server.body import Body
from server.models import KINDS
from server.openapi import document
from server.streams import Event, Streams
from tests.game2048.games import greedy, record_game
from tests.server import trained
from tests.server.test_runs import write_run

N_EXAMPLES = 3
N_EXAMPLES_SLOW = 150
EVENTS = 2
PHASES = (Phase.explicit, Phase.generate)  # what schemathesis finds, it tells in full
PLAIN = {"Accept-Encoding": "identity"}  # the client takes no compressed answers, whatever it says by itself


class ShortStreams(Streams):
    """Streams that end soon."""

    def _encoded(self, events: Iterator[Event | None]) -> Iterator[bytes]:
        yield from islice(super()._encoded(events), EVENTS)


@pytest.fixture(scope="module")
def games() -> list[GameRecord]:
    return [record_game(seed=seed, policy=greedy, max_moves=20) for seed in range(8)]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, games: list[GameRecord]) -> Iterator[Flask]:
    """A server that has something of everything."""
    folder = tmp_path_factory.mktemp("schemathesis")
    save_models(folder)
    write_run(folder / "run")
    with pytest.MonkeyPatch.context() as patch, GameStore(f"sqlite:///{folder / 'games.sqlite'}") as store:
        patch.setattr("server.app.Streams", ShortStreams)
        store.add_many(games)
        app = create_app(ServerConfig(runs=folder, rate_limits=False), store=store)
        yield app
        app.extensions["workers"].close()


def save_models(folder: Path) -> None:
    """Write a model of every kind."""
    trained.save_reader(folder / "digits", trained.reader(hidden=[8]))
    letters = trained.reader(classes=trained.UPPERCASE, hidden=[8])
    trained.save_reader(folder / "letters", letters, trained.UPPERCASE, data="glyphs")
    for name in ("autoencoder", "vae"):
        trained.save_run(folder / name, trained.coder(name), data="mnist")
    trained.save_run(folder / "diffusion", trained.writer())


def schema_of(app: Flask, games: list[GameRecord], *, known_names: bool) -> schemathesis.BaseSchema:
    """Return the document as it is served, or with names that lead somewhere in place of any."""
    told = document(app)
    if known_names:
        know_names(told, games)
    app.extensions["openapi"] = Body.of(msgspec.json.encode(told), "application/json")
    return schemathesis.openapi.from_wsgi("/api/openapi.json", app)


def know_names(told: dict[str, Any], games: list[GameRecord]) -> None:
    """Let parameters be what there is. Half of the games are there to be deleted, the others stay."""
    ids = [game.id for game in games]
    known = {"player": ["random", "greedy"], "kind": list(KINDS), "name": ["run"]}
    for methods in told["paths"].values():
        for method, operation in methods.items():
            known["game_id"] = ids[:4] if method == "delete" else ids[4:]
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in known:
                    parameter["schema"] = {"enum": known[parameter["name"]]}


@pytest.mark.parametrize(
    "n_examples",
    [
        N_EXAMPLES,
        pytest.param(N_EXAMPLES_SLOW, marks=[pytest.mark.slow, pytest.mark.timeout(3000)]),
    ],
)
@pytest.mark.parametrize("known_names", [True, False], ids=["known names", "any names"])
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_does_as_it_says(
    app: Flask, games: list[GameRecord], mode: schemathesis.GenerationMode, known_names: bool, n_examples: int
) -> None:
    """With what the document allows, which must lead to more than refusals, and with what it forbids."""
    schema = schema_of(app, games, known_names=known_names)
    operations, tried, done = [result.ok() for result in schema.get_all_operations()], 0, set()

    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=n_examples,
            deadline=None,
            database=None,
            derandomize=n_examples == N_EXAMPLES,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        )
        def check(case: schemathesis.Case) -> None:
            if case.call_and_validate(headers=PLAIN, excluded_checks=[positive_data_acceptance]).status_code < 300:
                done.add(case.operation.label)

        with contextlib.suppress(Unsatisfiable):  # an operation without parameters has none that are wrong
            check()
            tried += 1

    assert tried > len(operations) / 2 > 10
    if mode is schemathesis.GenerationMode.POSITIVE and known_names:
        assert len(done) > 0.8 * len(operations), sorted({operation.label for operation in operations} - done)
