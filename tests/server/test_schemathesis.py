"""Schemathesis on the whole interface: whatever is sent, the answer is as the OpenAPI document says, and never a 500.

Streams are cut after two events: what they tell is tested where it is made. That what a schema allows may still be
refused, such as the cursor of no page, is no fault.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import positive_data_acceptance

from game2048 import GameRecord
from server import GameStore, ServerConfig, create_app
from server.body import Body
from server.openapi import document
from server.streams import Event, Streams
from tests.game2048.games import greedy, record_game

N_EXAMPLES = 4
N_EXAMPLES_SLOW = 150
EVENTS = 2
PHASES = (Phase.explicit, Phase.generate)  # what schemathesis finds, it tells in full


class ShortStreams(Streams):
    """Streams that end soon."""

    def _encoded(self, events: Iterator[Event | None]) -> Iterator[bytes]:
        yield from islice(super()._encoded(events), EVENTS)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The document as it is served, with names that lead somewhere among those to try."""
    folder = tmp_path_factory.mktemp("schemathesis")
    with pytest.MonkeyPatch.context() as patch, GameStore(f"sqlite:///{folder / 'games.sqlite'}") as store:
        patch.setattr("server.app.Streams", ShortStreams)
        games = [record_game(seed=seed, policy=greedy, max_moves=20) for seed in range(3)]
        store.add_many(games)
        app = create_app(ServerConfig(runs=folder, rate_limits=False), store=store)
        told = with_known_names(document(app), games)
        app.extensions["openapi"] = Body.of(msgspec.json.encode(told), "application/json")
        yield schemathesis.openapi.from_wsgi("/api/openapi.json", app)
        app.extensions["workers"].close()


def with_known_names(told: dict[str, Any], games: list[GameRecord]) -> dict[str, Any]:
    """Add what there is to the schemas of parameters: chance would never find it."""
    known = {
        "game_id": [game.id for game in games],
        "player": ["random", "greedy"],
        "kind": ["digits", "letters", "autoencoder", "vae"],
    }
    for methods in told["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in known:
                    parameter["schema"] = {"anyOf": [{"enum": known[parameter["name"]]}, parameter["schema"]]}
    return told


@pytest.mark.parametrize(
    "n_examples",
    [
        N_EXAMPLES,
        pytest.param(N_EXAMPLES_SLOW, marks=[pytest.mark.slow, pytest.mark.timeout(3000)]),
    ],
)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_does_as_it_says(
    schema: schemathesis.BaseSchema, mode: schemathesis.GenerationMode, n_examples: int
) -> None:
    """With what the document allows, and with what it forbids."""
    operations, tried = [result.ok() for result in schema.get_all_operations()], 0

    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=n_examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        )
        def check(case: schemathesis.Case) -> None:
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        with contextlib.suppress(Unsatisfiable):  # an operation without parameters has none that are wrong
            check()
            tried += 1

    assert tried > len(operations) / 2 > 10
