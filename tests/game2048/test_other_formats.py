"""The replays of 2048verse and .rpl files: read, written, refused with the ply and the reason."""

import re
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from game2048 import GameRecord, RecordError
from game2048.formats import FORMATS, format_verse, parse_game
from tests.game2048.games import greedy, record_game, records

BEYOND_ASCII = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒá"  # noqa: RUF001 - these and no others
OLD = {chr(0x20 + k): k for k in range(95)} | {character: 95 + k for k, character in enumerate(BEYOND_ASCII)}
NEW = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NEW += bytes(range(0xC0, 0x100)).decode("latin-1") + "¤¾"
CLOSING = (88, 666666666, 233333333, 314159265, 987654321)


@pytest.fixture(scope="module")
def game() -> GameRecord:
    return record_game(seed=7, policy=greedy)


def events(game: GameRecord) -> list[tuple[int, int, int, int]]:
    """Move, whether a 4, x and y of every tile that appeared."""
    starts = [(0, int(game.start[y, x]) - 1, int(x), int(y)) for y, x in np.argwhere(game.start)]
    return starts + [(c >> 5, c & 1, c >> 1 & 3, c >> 3 & 3) for c in game.plies.tolist()]


def old_verse(game: GameRecord) -> str:
    """A naive writer of the old form."""
    characters = {code: character for character, code in OLD.items()}
    return "replay_" + "".join(characters[move << 5 | four << 4 | x << 2 | y] for move, four, x, y in events(game))


def new_verse(game: GameRecord, *, header: str = "4x4-any_", time: int = 0) -> str:
    """A naive writer of the new form."""
    text = header
    for move, four, x, y in events(game):
        number = time << 10 | y << 7 | x << 4 | four << 2 | (0, 3, 1, 2)[move]
        text += NEW[number // 128**2] + NEW[number // 128 % 128] + NEW[number % 128]
    return text


def rpl(game: GameRecord, *, last_board: bool = False, highest_bit: int = 0) -> bytes:
    """A naive writer of .rpl files."""
    packed = [int("".join(f"{min(e, 15):x}" for e in board.ravel().tolist()), 16) for board in game.boards]
    moves = [(2, 1, 3, 0)[code >> 5] << 5 | code & 31 | highest_bit for code in game.plies.tolist()]
    plies = [struct.pack("<QB4I", packed[t], move, 4_000_000_000, 0, 1, 2) for t, move in enumerate(moves)]
    return b"".join(plies) + struct.pack("<QB4I", packed[-1] if last_board else 0, *CLOSING)


# --- 2048verse ---


def test_the_old_form_of_an_example() -> None:
    """Start 2 at (2, 0) and (0, 1); left, 2 at (0, 3); down, 2 at (1, 2); right, 2 at (0, 3)."""
    game = parse_game("replay_(!äfC".encode())

    assert game.start.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0] * 4, [0] * 4]
    assert game.plies.tolist() == [3 << 5 | 12 << 1, 2 << 5 | 9 << 1, 1 << 5 | 12 << 1]
    assert game.score == 8


def test_both_forms_of_a_whole_game_are_the_game(game: GameRecord) -> None:
    assert parse_game(old_verse(game).encode()).id == game.id
    assert parse_game(new_verse(game).encode()).id == game.id
    assert parse_game(new_verse(game, header="4x4-2048-no undo_", time=2047).encode()).id == game.id


@given(st.integers(0, 2**64 - 1), st.integers(0, 80))
def test_the_new_form_comes_back_as_the_same_game(seed: int, n_moves: int) -> None:
    game = record_game(seed, max_moves=n_moves)

    assert parse_game(format_verse(game)).id == game.id
    assert format_verse(game).decode() == new_verse(game, header="4x4-game2048_")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_an_editor_may_have_ended_the_line_and_marked_the_file(game: GameRecord, end: str) -> None:
    assert parse_game((old_verse(game) + end).encode()).id == game.id
    assert parse_game((new_verse(game) + end).encode("utf-8-sig")).id == game.id


def test_spaces_at_the_end_are_plies() -> None:
    """Code 0 is a space: move up, a 2 in the corner."""
    tiles = [[0] * 4, [1, 0, 0, 0], [0] * 4, [0, 1, 0, 0]]
    game = GameRecord(start=tiles, plies=[1 << 5 | 4 << 1, 0 << 5 | 4 << 1])
    assert parse_game(old_verse(game).encode()).id == game.id

    with pytest.raises(RecordError, match="ply 3: the new tile appears in a cell that is not empty"):
        parse_game((old_verse(game) + " ").encode())


def test_a_board_that_was_set_up_cannot_be_written() -> None:
    game = record_game(seed=1, board=[[3, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4], max_moves=3)

    with pytest.raises(RecordError, match="this one starts from a board that was set up"):
        format_verse(game)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda old: old[:60] + "~" + old[61:], r"^ply \d+: "),
        (lambda old: old[:60] + "€" + old[61:], "^ply 52: '€' is not a character of a replay"),
        (lambda old: old[:60] + "\t" + old[61:], r"^ply 52: '\\t' is not"),
        (lambda old: "replay_€" + old[8:], "^start tile 1: '€' is not"),
        (lambda old: old[:8], "a game starts with 2 tiles, got 1"),
        (lambda old: "replay_", "a game starts with 2 tiles, got 0"),
        (lambda old: "replay_  " + old[9:], "both tiles are in one cell"),
        (lambda old: "replay_2x4" + old[7:], "only boards of 4x4 can be read, got 2x4"),
        (lambda old: old + 200_000 * "!", "a game has at most 131072 plies"),
    ],
)
def test_a_spoilt_old_replay_is_refused(game: GameRecord, spoil, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse_game(spoil(old_verse(game)).encode())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda new: new[:-1], "an event has 3 characters, the last one 2"),
        (lambda new: new[:38] + "é€é" + new[41:], "^ply 9: '€' is not a character of a replay"),
        (lambda new: new[:38] + "00c" + new[41:], "^ply 9: the new tile must be a 2 or a 4 on the board, got 16"),
        (lambda new: new[:38] + "060" + new[41:], "^ply 9: the new tile must be .* at x 0, y 6"),
        (lambda new: "4x4-" + new[8:].replace("_", ""), "the header must end with '_'"),
        (lambda new: "3x3" + new[3:], "only boards of 4x4 can be read, got 3x3"),
        (lambda new: "10x10" + new[3:], "only boards of 4x4 can be read, got 10x10"),
    ],
)
def test_a_spoilt_new_replay_is_refused(game: GameRecord, spoil, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse_game(spoil(new_verse(game)).encode())


def test_a_replay_in_another_encoding_is_refused(game: GameRecord) -> None:
    with pytest.raises(RecordError, match="the text is not UTF-8"):
        parse_game(new_verse(game, time=2047).encode("latin-1"))


# --- .rpl ---


@given(records(min_moves=1))
def test_an_rpl_file_is_the_game(record: GameRecord) -> None:
    if record.n_moves == 0 or record.boards.max() > 15:
        return
    assert parse_game(rpl(record)).id == record.id
    assert parse_game(rpl(record, last_board=True, highest_bit=128)).id == record.id


@pytest.mark.parametrize(
    ("ply", "offset", "value", "message"),
    [
        (0, 7, 0x55, "^ply 1: the board after it is not the one in the file"),
        (30, 0, 0xFF, "^ply 30: the board after it is not the one in the file"),
        (30, 8, 0b11 << 5, r"^ply 3[01]: "),
    ],
)
def test_a_spoilt_rpl_file_is_refused(game: GameRecord, ply: int, offset: int, value: int, message: str) -> None:
    data = bytearray(rpl(game))
    data[25 * ply + offset] = value

    with pytest.raises(RecordError, match=message):
        parse_game(bytes(data))


def test_a_last_board_that_is_not_that_of_the_plies_is_refused(game: GameRecord) -> None:
    data = bytearray(rpl(game, last_board=True))
    data[-25] ^= 1

    with pytest.raises(RecordError, match=f"^ply {game.n_moves}: the board after it is not the one in the file"):
        parse_game(bytes(data))


def test_a_tile_that_no_nibble_holds_is_named() -> None:
    game = record_game(seed=5, board=[[15, 15, 0, 0], [0] * 4, [0] * 4, [1, 0, 0, 0]], policy=greedy, max_moves=5)
    assert game.boards[1].max() == 16

    with pytest.raises(RecordError, match=r"^ply 1: .* \(the file cannot hold tiles above 32768\)"):
        parse_game(rpl(game))


@pytest.mark.parametrize("cut", [1, 24, 25, 26])
def test_a_cut_rpl_file_is_no_game(game: GameRecord, cut: int) -> None:
    with pytest.raises(RecordError, match="nor a whole"):
        parse_game(rpl(game)[:-cut])


def test_an_rpl_file_without_plies_is_refused() -> None:
    with pytest.raises(RecordError, match="no ply before the closing record"):
        parse_game(struct.pack("<QB4I", 0, *CLOSING))


def test_an_rpl_file_longer_than_any_game_is_refused() -> None:
    with pytest.raises(RecordError, match="a game has at most 131072 plies, got 200000"):
        parse_game(bytes(25 * 200_000) + struct.pack("<QB4I", 0, *CLOSING))


# --- all of them ---


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_comes_back_as_the_same_moves(game: GameRecord, name: str) -> None:
    assert parse_game(FORMATS[name].write(game)).id == game.id


@given(st.data())
def test_a_spoilt_file_is_refused_or_a_legal_game(game: GameRecord, data: st.DataObject) -> None:
    files = [old_verse(game).encode(), new_verse(game).encode(), rpl(game)]
    raw = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    with suppress(RecordError):
        parse_game(bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))]))


@given(st.sampled_from([b"replay_", b"4x4-_", b"4x4-x_", b""]), st.binary(max_size=200), st.booleans())
def test_random_bytes_after_a_header_are_refused_or_a_legal_game(header: bytes, rest: bytes, closed: bool) -> None:
    with suppress(RecordError):
        parse_game(header + rest + struct.pack("<QB4I", 0, *CLOSING) * closed)


def test_the_example_of_the_guide_runs() -> None:
    guide = (Path(__file__).parents[2] / "docs/formats.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)

    exec(example, {})
