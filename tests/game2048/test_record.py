"""Game records: what is kept comes back, and what is not a legal game is refused by ply and reason."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from game2048 import GameRecord, RecordError
from game2048.record import CERTAIN, MAGIC, MAGIC_WITH_PROBABILITIES, MAX_PLIES, PLY_CHARACTERS
from tests.game2048.games import NEARLY_65536, as_text, greedy, record_game, records, thoughts, with_probabilities

GOLDEN = Path(__file__).parent.parent / "golden" / "record-seed-2048.txt"
EMPTY = [[0] * 4] * 3
TWO_TWOS = [[1, 0, 0, 1], *EMPTY]
LEFT = 3 << 5
SPAWN_AT_5 = 5 << 1


@pytest.fixture(scope="module")
def game() -> GameRecord:
    return record_game(seed=7, policy=greedy)


# --- round trips ---


@given(records())
def test_bytes_come_back_as_the_same_game(record: GameRecord) -> None:
    data = record.to_bytes()

    again = GameRecord.from_bytes(data, agent=record.agent, seed=record.seed)

    assert again == record
    assert len(data) == 22 + record.n_moves
    np.testing.assert_array_equal(again.boards, record.boards)


@given(records())
def test_json_comes_back_as_the_same_game(record: GameRecord) -> None:
    again = GameRecord.from_json(record.to_json())

    assert again == record
    np.testing.assert_array_equal(again.rewards, record.rewards)


@given(records())
def test_probabilities_come_back_in_both_forms(record: GameRecord) -> None:
    thoughtful = with_probabilities(record, thoughts(record))

    from_bytes = GameRecord.from_bytes(thoughtful.to_bytes(), agent=record.agent, seed=record.seed)
    from_json = GameRecord.from_json(json.loads(json.dumps(thoughtful.to_json())))

    for again in (from_bytes, from_json):
        assert again == thoughtful
        np.testing.assert_array_equal(again.probabilities, thoughtful.probabilities)
    assert len(thoughtful.to_bytes()) == 22 + 5 * record.n_moves


def test_probabilities_are_no_part_of_the_id(game: GameRecord) -> None:
    """The same game is the same game, whatever its player thought; and bytes without them stay what they were."""
    thoughtful = with_probabilities(game, thoughts(game))

    assert thoughtful.id == game.id == hashlib.sha256(game.to_bytes()).hexdigest()[:16]
    assert thoughtful != game
    assert "probabilities" not in game.to_json()


@given(records(min_moves=1))
def test_score_is_the_sum_over_tiles_less_the_spawned_fours(record: GameRecord) -> None:
    def points(board: np.ndarray) -> int:
        return sum((e - 1) * 2**e for e in board.ravel().tolist() if e)

    n_fours = int((record.plies & 1).sum())

    assert record.score == points(record.boards[-1]) - points(record.boards[0]) - 4 * n_fours


def test_a_whole_game_is_what_the_game_shell_played(game: GameRecord) -> None:
    assert game.n_moves > 100
    assert game.max_tile == 2 ** int(game.boards[-1].max())
    assert game.score == int(game.rewards.sum())
    assert not game.boards.flags.writeable
    assert not game.plies.flags.writeable


def test_every_ply_code_has_its_own_character() -> None:
    assert len(set(PLY_CHARACTERS)) == 128
    assert all(ord(character) < 0x100 for character in PLY_CHARACTERS)
    assert not set('"\\') & set(PLY_CHARACTERS)


# --- identity ---


def test_id_names_the_game_not_the_player(game: GameRecord) -> None:
    other = GameRecord(start=game.start, plies=game.plies, agent="somebody else")

    assert other.id == game.id
    assert other != game
    assert len({game, other, GameRecord.from_json(game.to_json())}) == 2


def test_id_differs_between_a_game_and_its_beginning(game: GameRecord) -> None:
    assert GameRecord(start=game.start, plies=game.plies[:-1]).id != game.id


# --- large tiles ---


def test_a_game_that_makes_65536_goes_on() -> None:
    record = record_game(seed=1, policy=greedy, board=[[15, 15, 1, 1], *EMPTY])

    assert record.rewards[0] == 65536 + 4
    assert record.boards[1].max() == 16
    assert record.max_tile >= 65536
    assert record.n_moves > 50
    assert GameRecord.from_bytes(record.to_bytes()).score == record.score
    assert GameRecord.from_json(record.to_json()).score == record.score


def test_two_65536_tiles_make_131072() -> None:
    record = GameRecord(start=[[16, 16, 0, 0], *EMPTY], plies=[LEFT | SPAWN_AT_5])

    assert (record.score, record.max_tile) == (131072, 131072)


def test_a_chain_of_merges_crosses_65536() -> None:
    record = record_game(seed=5, policy=greedy, board=NEARLY_65536)

    assert record.start.max() == 15
    assert record.max_tile == 65536
    assert 65536 in record.rewards.tolist()


# --- illegal games ---


def test_a_move_that_changes_nothing_is_named() -> None:
    start = [[1, 2, 0, 0], *EMPTY]

    with pytest.raises(RecordError, match="ply 1: the move does not change the board") as caught:
        GameRecord(start=start, plies=[LEFT | SPAWN_AT_5])

    assert caught.value.ply == 1


def test_a_tile_on_a_tile_is_named() -> None:
    with pytest.raises(RecordError, match="ply 1: the new tile appears in a cell that is not empty"):
        GameRecord(start=TWO_TWOS, plies=[LEFT])


def test_a_code_of_eight_bits_is_named() -> None:
    with pytest.raises(RecordError, match="ply 2: the ply is not a 7-bit code"):
        GameRecord(start=TWO_TWOS, plies=[LEFT | SPAWN_AT_5, 128])


def test_the_first_bad_ply_is_named_wherever_it_is(game: GameRecord) -> None:
    for index in (0, 1, game.n_moves // 2, game.n_moves - 1):
        action = int(game.plies[index]) >> 5
        new_cell = int(game.plies[index]) >> 1 & 15
        taken = next(int(cell) for cell in np.flatnonzero(game.boards[index + 1]) if cell != new_cell)
        plies = game.plies.copy()
        plies[index] = action << 5 | taken << 1

        with pytest.raises(RecordError) as caught:
            GameRecord(start=game.start, plies=plies)

        assert caught.value.ply == index + 1


@given(records(min_moves=1), st.data())
def test_a_changed_ply_is_refused_or_another_game(record: GameRecord, data: st.DataObject) -> None:
    plies = record.plies.copy()
    if not plies.size:
        return
    index = data.draw(st.integers(0, plies.size - 1))
    plies[index] ^= data.draw(st.integers(1, 255))

    found = verdict(record.start, plies)

    assert found > index if isinstance(found, int) else found != record.id


def verdict(start: np.ndarray, plies: np.ndarray) -> str | int:
    """Return the id of a legal game, the first bad ply of any other."""
    try:
        return GameRecord(start=start, plies=plies).id
    except RecordError as error:
        return error.ply or 0


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ([[0] * 4] * 3, "shape"),
        ([[18, 0, 0, 0], *EMPTY], r"exponents must be in \[0, 17\]"),
        ([[-1, 0, 0, 0], *EMPTY], r"exponents must be in \[0, 17\]"),
        ([[0.5, 0, 0, 0], *EMPTY], "integer"),
        ([["a", 0, 0, 0], *EMPTY], "integer"),
    ],
)
def test_an_impossible_start_board_is_refused(start: list[list[int]], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        GameRecord(start=start, plies=[])


def test_more_plies_than_any_game_has_are_refused() -> None:
    with pytest.raises(RecordError, match="at most"):
        GameRecord(start=TWO_TWOS, plies=np.zeros(MAX_PLIES + 1, np.uint8))


@pytest.mark.parametrize("plies", [[[1, 2]], [-1], [256], [0.5], ["a"]])
def test_plies_that_are_no_codes_are_refused(plies: list[object]) -> None:
    with pytest.raises(RecordError, match="plies must"):
        GameRecord(start=TWO_TWOS, plies=plies)


def test_probabilities_that_cannot_be_are_refused(game: GameRecord) -> None:
    right = thoughts(game)
    ply = next(t for t in range(game.n_moves) if not right[t].all())  # where a move is impossible
    unlikely, impossible = right.copy(), right.copy()
    unlikely[9] //= 2
    impossible[ply] = np.where(right[ply], 0, CERTAIN // (right[ply] == 0).sum())

    for wrong, message in (
        (unlikely, "ply 10: its probabilities do not add up to 255"),
        (impossible, f"ply {ply + 1}: a move that does not change the board has a probability"),
        (right[1:], rf"probabilities must have shape \({game.n_moves}, 4\), four a ply"),
        (right.astype(np.float64), "probabilities must be integers from 0 to 255"),
        (right.astype(np.int64) + 256, "probabilities must be integers from 0 to 255"),
    ):
        with pytest.raises(RecordError, match=message):
            with_probabilities(game, wrong)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"G2048",
        MAGIC,
        MAGIC + bytes(15),
        b"PNG" + bytes(40),
        b"G2048\x02" + bytes(16),
        MAGIC_WITH_PROBABILITIES + bytes(16 + 4),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(RecordError, match="not a game record of version 1"):
        GameRecord.from_bytes(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "chess"}, "format must be 'game2048' version 1, got 'chess'"),
        ({"version": 2}, "version 2"),
        ({"ruleset": "2048-5x5"}, "ruleset must be '2048-4x4'"),
        ({"score": 1}, r"score is \d+ by the rules, got 1"),
        ({"max_tile": 4096}, r"max_tile is \d+ by the rules, got 4096"),
        ({"n_moves": 0}, r"n_moves is \d+ by the rules, got 0"),
        ({"plies": 5}, "plies must be a string, got int"),
        ({"plies": "!"}, "ply 1: '!' is not a character of a ply"),
        ({"start": [True] * 16}, "start must be a list of 16 integer exponents"),
        ({"start": [0] * 15}, "start must be a list of 16 integer exponents"),
        ({"start": [99] * 16}, r"start exponents must be in \[0, 17\]"),
        ({"agent": 1}, "agent must be a string, got int"),
        ({"agent": None}, "agent must be a string, got NoneType"),
        ({"seed": -1}, r"seed must be an integer from 0 to 2\*\*64 - 1 or None, got -1"),
        ({"seed": True}, "seed must be an integer .*, got True"),
        ({"seed": 1.5}, "seed must be an integer .*, got 1.5"),
        ({"seed": "x"}, "seed must be an integer .*, got 'x'"),
        ({"seed": "-1"}, "seed must be an integer .*, got '-1'"),
        ({"seed": "٣"}, "seed must be an integer .*, got '٣'"),
        ({"seed": "9" * 5000}, "seed must be an integer .*, got '999"),
        ({"seed": "18446744073709551616"}, "seed must be an integer .*, got 184467"),
        ({"version": 1.0}, "version 1.0"),
        ({"version": True}, "version True"),
        ({"id": "0" * 16}, "id is '[0-9a-f]{16}' by the rules, got '0000000000000000'"),
        ({"id": None}, "id is '[0-9a-f]{16}' by the rules, got None"),
        ({"set_up": True}, "set_up is False by the rules, got True"),
        ({"probabilities": 5}, "probabilities must be base64, got 5"),
        ({"probabilities": "é"}, "probabilities must be base64"),
        ({"probabilities": "////"}, "probabilities must be four bytes a ply, got 3"),
        ({"probabilities": "/wAAAA=="}, r"probabilities must have shape \(\d+, 4\), four a ply, got \(1, 4\)"),
        ({"plies": "A" * 300_000}, "a game has at most 131072 plies, got 300000"),
    ],
)
def test_json_that_claims_what_is_not_so_is_refused(game: GameRecord, change: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        GameRecord.from_json(game.to_json() | change)


@pytest.mark.parametrize("claim", ["score", "max_tile", "n_moves"])
def test_claims_are_integers(claim: str) -> None:
    one_move = GameRecord(start=[[1, 1, 0, 0], *EMPTY], plies=[1 << 5 | 0])
    data = one_move.to_json()

    for value in (float(data[claim]), str(data[claim]), True):
        with pytest.raises(RecordError, match=f"{claim} is {data[claim]} by the rules, got {value!r}"):
            GameRecord.from_json(data | {claim: value})


def test_claims_and_ruleset_may_be_left_out(game: GameRecord) -> None:
    needed = {key: game.to_json()[key] for key in ("format", "version", "start", "plies")}

    assert GameRecord.from_json(needed).score == game.score


# --- who played, and the seed ---


@pytest.mark.parametrize("agent", ["x" * 201, "bell \a", "two\nlines", "\u202e", "\ud800", 5, None])
def test_an_agent_that_would_spoil_a_page_is_refused(agent: object) -> None:
    with pytest.raises(RecordError, match="agent must be a"):
        GameRecord(start=TWO_TWOS, plies=[], agent=agent)


@pytest.mark.parametrize("seed", [-1, 2**64, pytest.param(10**5000, id="huge"), 1.0, "1", True, np.array([1])])
def test_a_seed_that_our_reader_would_refuse_is_refused(seed: object) -> None:
    with pytest.raises(RecordError, match=r"seed must be an integer from 0 to 2\*\*64 - 1 or None, got"):
        GameRecord(start=TWO_TWOS, plies=[], seed=seed)


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.array])
def test_every_kind_of_integer_is_a_seed(kind: Callable[[int], Any]) -> None:
    record = GameRecord(start=TWO_TWOS, plies=[], seed=kind(5))

    assert type(record.seed) is int
    assert record.to_json()["seed"] == 5


def test_a_seed_that_javascript_would_round_is_a_string() -> None:
    seeds = [2**53 - 1, 2**53, 2**64 - 1]

    written = [GameRecord(start=TWO_TWOS, plies=[], seed=seed).to_json()["seed"] for seed in seeds]

    assert written == [9007199254740991, "9007199254740992", "18446744073709551615"]


# --- boards that were set up ---


@pytest.mark.parametrize("tiles", [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_two_small_tiles_are_a_real_start(tiles: tuple[int, int]) -> None:
    record = GameRecord(start=[[tiles[0], 0, 0, 0], [0] * 4, [0, tiles[1], 0, 0], [0] * 4], plies=[])

    assert not record.is_set_up
    assert "set_up" not in record.to_json()


@pytest.mark.parametrize(
    "cells", [[0] * 16, [1] + [0] * 15, [1, 1, 1] + [0] * 13, [1, 3] + [0] * 14, [3] + [0] * 15, [17] * 16]
)
def test_any_other_start_is_set_up(cells: list[int]) -> None:
    record = GameRecord(start=cells, plies=[])

    assert record.is_set_up
    assert record.to_json()["set_up"] is True
    assert GameRecord.from_json(record.to_json()) == record
    with pytest.raises(RecordError, match="set_up is True by the rules, got False"):
        GameRecord.from_json(record.to_json() | {"set_up": False})


# --- the golden game ---


def test_golden_game() -> None:
    """Seed 2048 gives this game, board by board, and this record.

    After an intended change: ``REGENERATE_GOLDEN=1 python -m pytest tests/game2048/test_record.py -k golden``,
    then read the diff.
    """
    text = as_text(record_game(seed=2048))
    if os.environ.get("REGENERATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")

    assert text == GOLDEN.read_text(encoding="utf-8")
