"""Reading and writing games as JSON files: both forms, their variants, and what must be refused."""

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from game2048 import GameRecord, RecordError
from game2048.formats import format_game, format_hobby, parse_game
from tests.game2048.games import greedy, record_game, records, thoughts, with_probabilities

Json = dict[str, Any]


@pytest.fixture(scope="module")
def game() -> GameRecord:
    return record_game(seed=7, policy=greedy)


@pytest.fixture
def hobby(game: GameRecord) -> Json:
    """A game in the hobby form, for a test to spoil."""
    return json.loads(format_hobby(game))


def parse(value: object) -> GameRecord:
    return parse_game(json.dumps(value).encode())


# --- our form ---


@given(records())
def test_our_form_comes_back_as_the_same_game(record: GameRecord) -> None:
    assert parse_game(format_game(record)) == record


def test_our_form_is_compact(game: GameRecord) -> None:
    assert len(format_game(game)) < 2 * game.n_moves + 300


@pytest.mark.parametrize("agent", ["x" * 201, "bell \a", "two\nlines", "\u202e"])
def test_an_agent_that_would_spoil_a_page_is_refused(game: GameRecord, agent: str) -> None:
    with pytest.raises(RecordError, match="agent must be at most 200 printable characters"):
        parse(game.to_json() | {"agent": agent})


def test_seeds_are_64_bit(game: GameRecord) -> None:
    assert parse(game.to_json() | {"seed": 2**64 - 1}).seed == 2**64 - 1
    with pytest.raises(RecordError, match=r"seed must be an integer from 0 to 2\*\*64 - 1 or None, got 184467"):
        parse(game.to_json() | {"seed": 2**64})


@pytest.mark.parametrize("seed", [0, 7, 2**53 - 1, 2**53, 2**53 + 1, 2**64 - 1])
def test_a_seed_is_read_as_a_number_and_as_a_string(game: GameRecord, seed: int) -> None:
    assert parse(game.to_json() | {"seed": seed}).seed == seed
    assert parse(game.to_json() | {"seed": str(seed)}).seed == seed


def test_a_number_that_is_out_of_range_is_named(game: GameRecord) -> None:
    data = format_game(game).replace(b'"seed":7', b'"seed":' + b"9" * 5000)

    with pytest.raises(RecordError, match=r"^seed: integer value out of range"):
        parse_game(data)


# --- the hobby form ---


@given(records())
def test_hobby_form_comes_back_as_the_same_moves(record: GameRecord) -> None:
    again = parse_game(format_hobby(record))

    assert again.id == record.id
    assert (again.agent, again.seed) == ("unknown", None)


def test_our_form_keeps_probabilities_and_the_hobby_form_drops_them(game: GameRecord) -> None:
    thoughtful = with_probabilities(game, thoughts(game))

    assert parse_game(format_game(thoughtful)) == thoughtful
    assert parse_game(format_hobby(thoughtful)).probabilities is None


def test_hobby_form_is_the_one_in_the_wild() -> None:
    record = GameRecord(start=[[0, 0, 1, 1], [0] * 4, [0] * 4, [0] * 4], plies=[3 << 5 | 6 << 1 | 1])

    assert json.loads(format_hobby(record)) == {
        "gameplay": {
            "initialboard": [[0, 0, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
            "gameplay": [{"move_made": 3, "new_tile_idx": [1, 2], "new_tile_val": 4, "move_idx": 1, "reward": 4}],
        }
    }


def test_the_outer_object_may_be_missing(game: GameRecord, hobby: Json) -> None:
    assert parse(hobby["gameplay"]).id == game.id


def test_the_start_board_may_hold_exponents(game: GameRecord, hobby: Json) -> None:
    hobby["gameplay"]["initialboard"] = game.start.tolist()

    assert parse(hobby).id == game.id
    assert parse(hobby["gameplay"]).id == game.id


@pytest.mark.parametrize("exponents", [[1, 1], [1, 2], [2, 1], [2, 2], [4, 2]])
def test_exponents_are_told_from_tiles_by_the_rewards(exponents: list[int]) -> None:
    """[2, 2] and [4, 2] read as tiles too; the first reward that a start tile earns decides."""
    board = [[*exponents, 0, 0], [0] * 4, [0] * 4, [0] * 4]
    game = record_game(seed=1, policy=greedy, board=board)
    with_tiles = json.loads(format_hobby(game))
    with_exponents = json.loads(format_hobby(game))
    with_exponents["gameplay"]["initialboard"] = board

    assert parse(with_tiles).id == game.id
    assert parse(with_exponents).id == game.id


def test_a_game_that_both_readings_explain_has_tiles() -> None:
    board = [[2, 4, 0, 0], [0] * 4, [0] * 4, [0] * 4]

    assert parse({"initialboard": board, "gameplay": []}).start[0].tolist() == [1, 2, 0, 0]


def test_a_game_beyond_65536_comes_back() -> None:
    game = record_game(seed=5, policy=greedy, board=[[16, 16, 15, 0], [0] * 4, [0] * 4, [0] * 4])

    assert game.max_tile == 131072
    assert parse_game(format_hobby(game)).id == game.id


def test_unknown_fields_are_passed_over(game: GameRecord, hobby: Json) -> None:
    hobby["gameplay"]["gameplay"][3]["comment"] = {"deep": [1, 2]}

    assert parse(hobby | {"player": "me"}).id == game.id


# --- hobby games that are not legal: the ply and the reason ---


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("reward", 2, r"the reward is \d+ by the rules, got 2"),
        ("reward", 10**25, "got a huge number"),
        ("reward", -4, "got -4"),
        ("reward", 4.5, "reward: expected `int`, got `float`"),
        ("reward", None, "reward: expected `int`, got `null`"),
        ("move_idx", 90, "move_idx must be 51, got 90"),
        ("move_idx", True, "move_idx: expected `int`, got `bool`"),
        ("move_made", 4, "move_made: expected `int` <= 3"),
        ("move_made", "left", "move_made: expected `int`, got `str`"),
        ("new_tile_val", 8, "new_tile_val: invalid enum value 8"),
        ("new_tile_val", True, "new_tile_val: expected `int`, got `bool`"),
        ("new_tile_idx", [0, 4], r"new_tile_idx\[1\]: expected `int` <= 3"),
        ("new_tile_idx", [0], "new_tile_idx: expected `array` of length 2"),
        ("new_tile_idx", 5, "new_tile_idx: expected `array`, got `int`"),
    ],
)
def test_a_wrong_field_is_named_with_its_ply(hobby: Json, field: str, value: object, reason: str) -> None:
    hobby["gameplay"]["gameplay"][50][field] = value

    with pytest.raises(RecordError, match=f"ply 51: .*{reason}") as caught:
        parse(hobby)

    assert caught.value.ply == 51


def test_a_missing_field_is_named_with_its_ply(hobby: Json) -> None:
    del hobby["gameplay"]["gameplay"][50]["reward"]

    with pytest.raises(RecordError, match="ply 51: object missing required field `reward`"):
        parse(hobby)


@pytest.mark.parametrize("exponents", [False, True])
def test_a_ply_that_moves_nothing_is_named(exponents: bool) -> None:
    """A faulty recorder wrote such plies; in either reading of the start board the same one is to blame."""
    tiles = [[4, 2, 0, 0], [0] * 4, [0] * 4, [0] * 4]
    board = [[2, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4] if exponents else tiles
    down = {"move_made": 2, "new_tile_idx": [0, 0], "new_tile_val": 2, "move_idx": 1, "reward": 0}
    again = {"move_made": 3, "new_tile_idx": [1, 0], "new_tile_val": 2, "move_idx": 2, "reward": 0}

    with pytest.raises(RecordError, match="ply 2: the move does not change the board") as caught:
        parse({"initialboard": board, "gameplay": [down, again]})

    assert caught.value.ply == 2


def test_a_tile_on_a_tile_is_named(game: GameRecord, hobby: Json) -> None:
    new = hobby["gameplay"]["gameplay"][50]["new_tile_idx"]
    taken = next([int(r), int(c)] for r, c in np.argwhere(game.boards[51]) if [r, c] != new)
    hobby["gameplay"]["gameplay"][50]["new_tile_idx"] = taken

    with pytest.raises(RecordError, match="ply 51: the new tile appears in a cell that is not empty"):
        parse(hobby)


def test_the_first_wrong_ply_is_named_whatever_is_wrong_later(hobby: Json) -> None:
    plies = hobby["gameplay"]["gameplay"]
    plies[20]["reward"] += 4
    plies[60]["new_tile_idx"] = plies[61]["new_tile_idx"] = [0, 0]

    with pytest.raises(RecordError, match="ply 21: the reward"):
        parse(hobby)


def test_a_wrong_ply_late_in_a_game_with_exponents_is_named(game: GameRecord, hobby: Json) -> None:
    hobby["gameplay"]["initialboard"] = game.start.tolist()
    hobby["gameplay"]["gameplay"][-1]["reward"] += 4

    with pytest.raises(RecordError) as caught:
        parse(hobby)

    assert caught.value.ply == game.n_moves


@pytest.mark.parametrize(
    ("board", "reason"),
    [
        ([[0] * 4] * 3, "initialboard: expected `array` of length 4"),
        ([[0] * 5] * 4, r"initialboard\[0\]: expected `array` of length 4"),
        ([[3, 20, 0, 0], [0] * 4, [0] * 4, [0] * 4], "initialboard must hold tiles"),
        ([[-2, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4], "initialboard must hold tiles"),
        ([[262144, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4], "initialboard must hold tiles"),
        ([[10**30, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4], "initialboard must hold tiles"),
        ([[True, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4], r"initialboard\[0\]\[0\]: expected `int`, got `bool`"),
        ("board", "initialboard: expected `array`, got `str`"),
    ],
)
def test_an_impossible_start_board_is_refused(board: object, reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        parse({"gameplay": {"initialboard": board, "gameplay": []}})


# --- bytes that are no game at all ---

NOT_GAMES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "neither JSON, nor a replay of 2048verse, nor a whole .rpl file"),
    "text": (b"hello", "neither JSON, nor a replay of 2048verse, nor a whole .rpl file"),
    "truncated": (b'{"format": "game2048", "ver', "not JSON"),
    "trailing": (b"{} {}", "not JSON"),
    "NaN": (b'{"format": "game2048", "version": 1, "seed": NaN}', "not JSON"),
    "infinite": (b'{"format": "game2048", "version": 1, "seed": 1e400}', "out of range"),
    "UTF-8 mark": (b"\xef\xbb\xbf{}", "byte-order mark"),
    "UTF-16": ('{"format": 1}'.encode("utf-16"), "byte-order mark"),
    "UTF-16 without mark": ('{"format": 1}'.encode("utf-16-le"), "not JSON"),
    "Latin-1": (b'{"format": "game2048", "version": 1, "plies": "\xc0"}', "not UTF-8"),
    "surrogate": (b'{"format": "\\ud800"}', "not JSON"),
    "arrays in arrays": (b"[" * 200_000, "expected `object`"),
    "objects in objects": (b'{"a":' * 200_000, "nested too deeply"),
    "deep field": (b'{"format":' + b"[" * 200_000, "nested too deeply|not JSON"),
    "deep closed field": (b'{"format":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
    "deep unknown field": (b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
    "deep plies": (b'{"gameplay":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply|expected `object`"),
    "array": (b"[]", "expected `object`, got `array`"),
    "null": (b"null", "not a game"),
    "number": (b"1", "not a game"),
    "empty object": (b"{}", "neither 'format', nor 'initialboard', nor 'gameplay'"),
    "other object": (b'{"score": 5}', "neither 'format', nor 'initialboard', nor 'gameplay'"),
    "other format": (b'{"format": "chess"}', "format must be 'game2048'"),
    "null format": (b'{"format": null}', "format must be 'game2048'"),
    "huge seed": (b'{"format": "game2048", "version": 1, "seed": ' + b"9" * 5000 + b"}", "out of range"),
    "huge version": (b'{"format": "game2048", "version": ' + b"9" * 4000 + b"}", "version 999"),
    "gameplay of text": (b'{"gameplay": "x"}', "gameplay: expected `object`, got `str`"),
    "gameplay of nothing": (b'{"gameplay": {}}', "object missing required field `initialboard`"),
    "board without plies": (b'{"initialboard": []}', "expected `array` of length 4"),
}


@pytest.mark.parametrize(("data", "reason"), NOT_GAMES.values(), ids=NOT_GAMES.keys())
def test_other_bytes_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RecordError, match=reason) as caught:
        parse_game(data)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("depth", [*range(100, 1200, 50), *range(900, 1000, 3)])
def test_no_depth_of_nesting_escapes(depth: int) -> None:
    with pytest.raises(RecordError):
        parse_game(b'{"format":' + b"[" * depth + b"]" * depth + b"}")


@pytest.mark.parametrize("n_digits", [18, 19, 20, 21, 4298, 4299, 4300, 4301, 4302])
def test_no_length_of_number_escapes(n_digits: int) -> None:
    for sign in (b"", b"-"):
        number = sign + b"9" * n_digits
        with pytest.raises(RecordError):
            parse_game(b'{"format": ' + number + b"}")
        with pytest.raises(RecordError):
            parse_game(b'{"initialboard": [[%s,0,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,0]], "gameplay": []}' % number)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        parse_game(data)


@given(st.data())
def test_a_spoilt_file_is_refused_or_a_legal_game(game: GameRecord, data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([format_game(game), format_hobby(game)])))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    with suppress(RecordError):
        parse_game(bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))]))
