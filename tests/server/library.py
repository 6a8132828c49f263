"""What tests ask of the games in a store."""

from server import GameStore, GameSummary


def every_game(store: GameStore) -> list[GameSummary]:
    """The whole list, page by page."""
    page = store.page(limit=200)
    games = page.games
    while page.next is not None:
        page = store.page(limit=200, cursor=page.next)
        games += page.games
    return games


def assert_whole(store: GameStore) -> None:
    """What the list tells of every game is what its plies give."""
    listed = every_game(store)
    assert len(listed) == store.count()
    for game in listed:
        record = store.get(game.id).record
        assert game.id == record.id
        assert (game.score, game.max_tile, game.n_moves) == (record.score, record.max_tile, record.n_moves)
        assert (game.set_up, list(game.board)) == (record.is_set_up, record.boards[-1].ravel().tolist())
