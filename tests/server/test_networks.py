"""Networks for pages: which players offer one, and the file as it is."""

from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from agents.checkpoint import load_values, save_learner
from agents.compact import FILE_NAME
from agents.networks import Network
from agents.sharing import compact_run
from agents.td import TDLearner
from server import GameStore, ServerConfig, create_app
from server import players as players_module
from server.workers.thinking import load_thinker


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run, and its network as it is shared."""
    learner = TDLearner(network=Network.named("17x4"))
    learner.weights[:] = np.random.default_rng(1).normal(0, 100, learner.weights.size)
    learner.games = 12
    save_learner(learner, tmp_path / "small")
    compact_run(tmp_path / "small", tmp_path / "small" / "compact")
    (tmp_path / "small" / "settings.json").write_text("{}")
    return tmp_path


@pytest.fixture
def client(runs: Path, tmp_path: Path) -> FlaskClient:
    with GameStore(f"sqlite:///{tmp_path}/games.sqlite") as store:
        yield create_app(ServerConfig(runs=runs), store=store).test_client()


def players(client: FlaskClient) -> dict[str, dict[str, object]]:
    return {player["name"]: player for player in client.get("/api/players").json["players"]}


def test_a_compact_network_is_a_player_that_a_page_can_fetch(client: FlaskClient, runs: Path) -> None:
    player = players(client)["small/compact"]

    answer = client.get("/api/players/network", query_string={"player": "small/compact"})
    kept = client.get(
        "/api/players/network", query_string={"player": "small/compact", "version": player["page_network"]}
    )

    assert player["title"] == "small/compact: n-tuple network, 12 games"
    assert answer.data == kept.data == (runs / "small" / "compact" / FILE_NAME).read_bytes()
    assert len(answer.data) < 4_000_000
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "immutable" in kept.headers["Cache-Control"]


def test_other_players_have_no_network_for_pages(client: FlaskClient) -> None:
    for name in ("small", "greedy", "nobody", "../small"):
        answer = client.get("/api/players/network", query_string={"player": name})

        assert answer.status_code == 404
    assert {name for name, player in players(client).items() if player["page_network"]} == {"small/compact"}


def test_a_network_that_is_too_large_plays_on_the_server_alone(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(players_module, "MAX_PAGE_BYTES", 1000)

    assert players(client)["small/compact"]["page_network"] is None


def test_the_server_plays_a_compact_network_too(client: FlaskClient, runs: Path) -> None:
    player = client.application.extensions["players"].find("small/compact")
    board = np.array([[1, 2, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]], np.uint8)

    values = load_thinker(player.job(), 1).move_values(board)

    assert load_values(runs / "small" / "compact")[0].weights.dtype == np.int16
    assert np.isfinite(values).sum() == 3
