"""The list of games: whatever the order and the filter, every game comes once, in order, read from an index."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game2048 import GameRecord
from server import CursorError, GameStore, GameSummary
from server.store import GameFilter, Order, Sort, tables
from server.store.listing import Place, part_query, parts
from tests.game2048.games import NEARLY_65536, record_game
from tests.server.store.conftest import BACKENDS

N_GAMES = 60
FIRST_DAY = date(2026, 1, 30)
AGENTS = ("teacher", "corner", "ünï-cødé \N{GAME DIE}")
KEYS: dict[str, Any] = {
    "score": lambda game: (game.score, game.id),
    "tile": lambda game: (game.max_tile, game.score, game.id),
    "moves": lambda game: (game.n_moves, game.id),
    "date": lambda game: (game.created_at, game.id),
}

filters = st.builds(
    GameFilter,
    agent=st.sampled_from([None, *AGENTS, "nobody", "\0"]),
    min_score=st.none() | st.integers(0, 12),
    max_score=st.none() | st.integers(0, 12),
    tile=st.sampled_from([None, 8, 16, 32, 131072]),
    since=st.none() | st.integers(-1, 4).map(lambda days: FIRST_DAY + timedelta(days)),
    until=st.none() | st.integers(-1, 4).map(lambda days: FIRST_DAY + timedelta(days)),
)
sorts, orders = st.sampled_from(get_args(Sort)), st.sampled_from(get_args(Order))


def row(number: int) -> dict[str, object]:
    """A row with small numbers, so that many are equal."""
    midnight = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC).timestamp())
    return {
        "id": f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}",
        "agent": AGENTS[number % 7 % 3],
        "set_up": int(number % 5 == 0),
        "score": number * 7 % 11,
        "max_tile": 8 << number % 3,
        "n_moves": number % 4,
        "created_at": midnight + number % 9 * 43_200 - number % 2,  # at noon and midnight, and a second earlier
        "board": bytes(16),
        "game": b"",
    }


@pytest.fixture(scope="module", params=BACKENDS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GameStore]:
    """Sixty games that are not played."""
    url = f"sqlite:///{tmp_path_factory.mktemp('library')}/games.sqlite"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    with GameStore(url) as store:
        with store._database.writing() as connection:
            connection.execute(tables.games.insert(), [row(number) for number in range(N_GAMES)])
        yield store


def walk(store: GameStore, shown: GameFilter, sort: Sort, order: Order, limit: int) -> Iterator[list[GameSummary]]:
    """Give page after page."""
    cursor = None
    while True:
        page = store.page(shown, sort=sort, order=order, limit=limit, cursor=cursor)
        yield page.games
        if page.next is None:
            return
        cursor = page.next


def every(store: GameStore) -> list[GameSummary]:
    return store.page(limit=200).games


def is_shown(game: GameSummary, shown: GameFilter) -> bool:
    """The naive twin of `GameFilter.conditions`."""
    return (
        (shown.agent is None or game.agent == shown.agent)
        and (shown.min_score is None or game.score >= shown.min_score)
        and (shown.max_score is None or game.score <= shown.max_score)
        and (shown.tile is None or game.max_tile == shown.tile)
        and (shown.since is None or game.created_at.date() >= shown.since)
        and (shown.until is None or game.created_at.date() <= shown.until)
    )


def ordered(games: list[GameSummary], sort: Sort, order: Order) -> list[GameSummary]:
    """The naive twin of the list's order."""
    by_key = sorted(games, key=KEYS[sort], reverse=order == "desc")
    return by_key if sort == "date" else sorted(by_key, key=lambda game: game.set_up)


# --- pages ---


@given(shown=filters, sort=sorts, order=orders, limit=st.integers(1, 70))
def test_pages_hold_every_game_that_is_asked_for_once_and_in_order(
    library: GameStore, shown: GameFilter, sort: Sort, order: Order, limit: int
) -> None:
    pages = list(walk(library, shown, sort, order, limit))

    expected = ordered([game for game in every(library) if is_shown(game, shown)], sort, order)
    assert [game for page in pages for game in page] == expected
    assert all(len(page) == limit for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= limit or not expected


@pytest.mark.parametrize("order", get_args(Order))
@pytest.mark.parametrize("sort", get_args(Sort))
def test_games_that_come_and_go_between_two_pages_shift_nothing(
    store: GameStore, games: list[GameRecord], sort: Sort, order: Order
) -> None:
    """Deleted is even the game that the cursor names."""
    store.add_many(games[:20])
    before = every(store)
    pages = walk(store, GameFilter(), sort, order, 5)
    seen = next(pages) + next(pages)
    store.add_many(games[20:])
    store.delete(seen[0].id)
    store.delete(seen[-1].id)
    later = [game for page in pages for game in page]

    assert not {game.id for game in seen} & {game.id for game in later}
    assert {game.id for game in before} <= {game.id for game in seen + later}
    assert ordered(later, sort, order) == later


def test_a_full_last_page_has_no_next(store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games[:10])

    assert store.page(limit=10).next is None


@pytest.mark.parametrize("sort", ["score", "tile", "moves"])
@pytest.mark.parametrize("order", get_args(Order))
def test_games_from_boards_that_were_set_up_come_last(
    store: GameStore, games: list[GameRecord], sort: Sort, order: Order
) -> None:
    boast = GameRecord(start=[17] * 16, plies=[])
    store.add_many([boast, record_game(seed=20, board=NEARLY_65536, max_moves=20), *games])

    listed = [game for page in walk(store, GameFilter(), sort, order, 4) for game in page]

    assert [game.set_up for game in listed] == [False] * len(games) + [True] * 2


def test_best_is_the_highest_score(store: GameStore, games: list[GameRecord]) -> None:
    assert store.best() is None
    store.add_many(games)

    best = store.best()

    assert best is not None
    assert best.score == max(game.score for game in games)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_an_impossible_limit_is_refused(store: GameStore, limit: int) -> None:
    with pytest.raises(ValueError, match="limit must be from 1 to 200"):
        store.page(limit=limit)


# --- cursors ---


@given(sort=sorts, order=orders, at=st.integers(1, N_GAMES - 1))
def test_cursors_are_short_and_fit_into_an_address(library: GameStore, sort: Sort, order: Order, at: int) -> None:
    cursor = library.page(sort=sort, order=order, limit=at).next

    assert cursor is not None
    assert set(cursor) <= set("0123456789abcdefghijklmnopqrstuvwxyz-")
    assert Place.read(cursor).cursor() == cursor


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "score", "score-desc-0-5", f"0-5-{0:016}", f"score-desc-0-5-{0:016}-"),
        *(f"{place}-{0:016}" for place in ("score-desc-0", "score-desc-0-5-5", "score-desc-2-5", "date-desc-1-5")),
        *(f"{place}-{0:016}" for place in ("tile-desc-0-5", "score-desc-0--5", "rank-desc-0-5", "score-up-0-5")),
        *(f"{place}-{0:016}" for place in ("score-desc-0-" + "9" * 19, "score-desc-0-٣", "score-desc-0-5.0")),
        f"score-desc-0-5-{0:016}\n",
        f"score-desc-0-5-{0:015}G",
    ],
)
def test_an_invented_cursor_is_refused(library: GameStore, cursor: str) -> None:
    with pytest.raises(CursorError, match="cursor must be the 'next' of an earlier page"):
        library.page(cursor=cursor)


@pytest.mark.parametrize(("sort", "order"), [("tile", "desc"), ("score", "asc"), ("date", "asc")])
def test_a_cursor_belongs_to_its_order(library: GameStore, sort: Sort, order: Order) -> None:
    cursor = library.page(limit=3).next

    with pytest.raises(CursorError, match=rf"of a page in this order, by {sort} \({order}\)"):
        library.page(sort=sort, order=order, cursor=cursor)


@pytest.mark.parametrize("sort", get_args(Sort))
def test_a_cursor_may_hold_any_number_that_it_can_write(library: GameStore, sort: Sort) -> None:
    """Larger ones than the columns of PostgreSQL take."""
    numbers = ["9" * 18] * (2 if sort == "tile" else 1)
    cursor = "-".join([sort, "desc", "0", *numbers, "0" * 16])

    assert library.page(sort=sort, cursor=cursor, limit=200).games == ordered(every(library), sort, "desc")


# --- filters ---


def test_no_game_is_as_large_as_a_filter_may_ask(library: GameStore) -> None:
    assert library.page(GameFilter(min_score=2**53, tile=2**53)).games == []
    assert len(library.page(GameFilter(max_score=2**53), limit=200).games) == N_GAMES


def test_every_day_can_be_asked_for(library: GameStore) -> None:
    assert len(library.page(GameFilter(since=date.min, until=date.max), limit=200).games) == N_GAMES
    assert library.page(GameFilter(since=date.max)).games == library.page(GameFilter(until=date.min)).games == []


def test_filters_ask_for_nothing_by_themselves() -> None:
    assert list(GameFilter().conditions()) == []
    assert len(list(replace(GameFilter(), min_score=0, agent="").conditions())) == 2


# --- speed ---


@pytest.mark.parametrize("shown", [GameFilter(), GameFilter(agent="corner")], ids=["of all", "of an agent"])
@pytest.mark.parametrize("order", get_args(Order))
@pytest.mark.parametrize("sort", get_args(Sort))
def test_pages_are_read_from_an_index_in_its_order(
    library: GameStore, sort: Sort, order: Order, shown: GameFilter
) -> None:
    """No page asks the database to sort, nor to skip the pages before it."""
    on_sqlite = library._database.engine.dialect.name == "sqlite"
    index = f"games_{'by' if shown.agent is None else 'of_agent_by'}_{sort}" if on_sqlite else f"_by_{sort} "
    starts_at_place = r",id\)[<>]\(" if on_sqlite else r"Index Cond: .*ROW\("

    for part in range(len(parts(sort))):
        numbers = (5,) * (2 if sort == "tile" else 1)
        place = Place(sort=sort, order=order, part=part, key=(*numbers, "8" * 16))
        plans = [plan_of(library, shown, sort, order, part, after) for after in (None, place)]
        assert all(index in plan and not re.search("Sort|TEMP B-TREE", plan) for plan in plans), plans
        assert [bool(re.search(starts_at_place, plan)) for plan in plans] == [False, True], plans


def plan_of(library: GameStore, shown: GameFilter, sort: Sort, order: Order, part: int, after: Place | None) -> str:
    """Return how the database would read a page, PostgreSQL as it would among a million games."""
    engine = library._database.engine
    query = part_query(shown, sort, order, part, after).limit(3)
    text = query.compile(engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            for way in ("seqscan", "bitmapscan", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        return "\n".join(str(line[-1]) for line in connection.exec_driver_sql(f"{explain} {text}"))
