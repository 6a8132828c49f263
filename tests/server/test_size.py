"""How much a game takes on its way to a browser."""

from game2048 import GameRecord
from game2048.formats import format_game
from server.body import Body
from tests.game2048.games import greedy, record_game

N_PLIES = 30_000


def test_thirty_thousand_plies_take_less_than_25_kb() -> None:
    """Moves and tiles of whole games, one after the other, as no player here gets so far in one."""
    plies, games = "", []
    while len(plies) < N_PLIES:
        games.append(record_game(seed=len(games), policy=greedy))
        plies += plies_of(games[-1])

    whole = format_game(games[0]).replace(plies_of(games[0]).encode(), plies[:N_PLIES].encode())

    body = Body.of(whole, "application/json")
    assert body.gzip is not None
    assert len(body.gzip) < 25_000


def plies_of(game: GameRecord) -> str:
    """Return the characters of its plies."""
    text = format_game(game).decode()
    return text.split('"plies":"')[1].split('"')[0]
