"""The replays of 2048verse: text, one event for every tile that appears.

An event is the move that was made and the tile that appeared after it; the first two are the start tiles, whose moves
say nothing. There are two forms of it.

========  ====================  =========================================================================
form      header                event
========  ====================  =========================================================================
old       ``replay_``           1 character: 7 bits, move (2), whether the tile is a 4 (1), x (2), y (2)
new       ``4x4-`` ... ``_``    3 characters: 21 bits, time (11), y (3), x (3), tile (2), move (2)
========  ====================  =========================================================================

The old form counts moves as this package does: 0 up, 1 right, 2 down, 3 left; the new one 0 up, 1 down, 2 left,
3 right. The times of the new form, how long a player thought, are passed over, and written as 0. In the old form a
space is an event like any other.
"""

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from game2048.record import MAX_PLIES, GameRecord, RecordError

Events = npt.NDArray[np.int64]

OLD_HEADER: Final = "replay_"
NEW_HEADER: Final = "4x4-game2048_"
OLD_ALPHABET: Final = (
    "".join(map(chr, range(0x20, 0x7F))) + "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒá"  # noqa: RUF001 - these and no others
)
NEW_ALPHABET: Final = (
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + "".join(map(chr, range(0xC0, 0x100))) + "¤¾"
)
N_START_TILES: Final = 2
NEW_MOVES: Final = np.array([0, 2, 3, 1])  # up, down, left, right as our actions
UNKNOWN: Final = 255


def _table(alphabet: str) -> npt.NDArray[np.uint8]:
    """Return the number of every character, `UNKNOWN` for those that are not in the alphabet."""
    table = np.full(max(map(ord, alphabet)) + 2, UNKNOWN, np.uint8)
    table[[ord(character) for character in alphabet]] = range(len(alphabet))
    return table


_OLD_NUMBERS: Final = _table(OLD_ALPHABET)
_NEW_NUMBERS: Final = _table(NEW_ALPHABET)


# --- reading ---


def is_verse(data: bytes) -> bool:
    """Whether a file begins as one of the two forms, of whatever size of board."""
    return re.match(rb"replay_|[0-9]{1,2}x[0-9]{1,2}-", data) is not None


def read_verse(data: bytes) -> GameRecord:
    """Read a game in either form.

    Examples
    --------
    >>> game = read_verse("replay_(!äfC".encode())
    >>> game.score, game.start.tolist()[:2], game.actions.tolist()
    (8, [[0, 0, 1, 0], [1, 0, 0, 0]], [3, 2, 1])
    """
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise RecordError("2048verse: the text is not UTF-8") from None
    size = re.match(r"replay_([23]x[345])|([0-9]{1,2}x[0-9]{1,2})-", text)
    if size is not None and size[2] != "4x4":
        raise RecordError(f"2048verse: only boards of 4x4 can be read, got {size[1] or size[2]}")
    if text.startswith(OLD_HEADER):
        return _replay(_old_events(text.removeprefix(OLD_HEADER)))
    header, _, events = text.partition("_")
    if len(header) == len(text):
        raise RecordError("2048verse: the header must end with '_'")
    return _replay(_new_events(events))


def _old_events(text: str) -> Events:
    """Return events as rows of move, exponent, x and y."""
    codes = _numbers(text, _OLD_NUMBERS, 1)[:, 0]
    return np.stack([codes >> 5, 1 + (codes >> 4 & 1), codes >> 2 & 3, codes & 3], axis=1)


def _new_events(text: str) -> Events:
    """Return events as rows of move, exponent, x and y."""
    digits = _numbers(text, _NEW_NUMBERS, 3)
    codes = digits[:, 0] << 14 | digits[:, 1] << 7 | digits[:, 2]
    return np.stack([NEW_MOVES[codes & 3], 1 + (codes >> 2 & 3), codes >> 4 & 7, codes >> 7 & 7], axis=1)


def _numbers(text: str, table: npt.NDArray[np.uint8], width: int) -> Events:
    """Return the numbers of characters, in rows of ``width``."""
    n_events, left_over = divmod(len(text), width)
    if n_events > MAX_PLIES + N_START_TILES:
        raise RecordError(f"a game has at most {MAX_PLIES} plies, got {n_events - N_START_TILES}")
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    numbers = table[np.minimum(points, len(table) - 1)]
    unknown = np.flatnonzero(numbers == UNKNOWN)
    if unknown.size:
        first = int(unknown[0])
        raise _error(f"{text[first]!r} is not a character of a replay", first // width)
    if left_over:
        raise _error(f"an event has {width} characters, the last one {left_over}", n_events)
    return numbers.reshape(-1, width).astype(np.int64)


def _replay(events: Events) -> GameRecord:
    """Make a record of events."""
    if len(events) < N_START_TILES:
        raise RecordError(f"2048verse: a game starts with {N_START_TILES} tiles, got {len(events)}")
    wrong = np.flatnonzero((events[:, 1] > 2) | (events[:, 2:] > 3).any(axis=1))
    if wrong.size:
        _, exponent, x, y = events[wrong[0]].tolist()
        raise _error(
            f"the new tile must be a 2 or a 4 on the board, got {1 << exponent} at x {x}, y {y}", int(wrong[0])
        )
    cells = 4 * events[:, 3] + events[:, 2]
    start = np.zeros(16, np.uint8)
    start[cells[:N_START_TILES]] = events[:N_START_TILES, 1]
    if cells[0] == cells[1]:
        raise RecordError("start board: both tiles are in one cell")
    plies = (events[:, 0] << 5 | cells << 1 | events[:, 1] - 1).astype(np.uint8)
    return GameRecord(start=start, plies=plies[N_START_TILES:])


def _error(message: str, event: int) -> RecordError:
    """Blame an event: a ply, or one of the start tiles before them."""
    if event < N_START_TILES:
        return RecordError(f"start tile {event + 1}: {message}")
    return RecordError(message, ply=event - N_START_TILES + 1)


# --- writing ---


def format_verse(record: GameRecord) -> bytes:
    """Write a game in the new form; who played and probabilities are not kept.

    Raises
    ------
    RecordError
        If the game starts from a board that was set up: the form has no place for that.
    """
    if record.is_set_up:
        raise RecordError(
            "2048verse holds games from two start tiles, and this one starts from a board that was set up"
        )
    (first, second) = np.flatnonzero(record.start)
    starts = [_event(0, int(cell), int(record.start.flat[cell]) - 1) for cell in (first, second)]
    moves = np.argsort(NEW_MOVES)
    plies = [_event(int(moves[code >> 5]), code >> 1 & 15, code & 1) for code in record.plies.tolist()]
    return (NEW_HEADER + "".join(starts + plies)).encode()


def _event(move: int, cell: int, is_four: int) -> str:
    """Write one event.

    >>> _event(0, 0, 0), _event(3, 15, 1)
    ('000', '03T')
    """
    code = (cell >> 2) << 7 | (cell & 3) << 4 | is_four << 2 | move
    return NEW_ALPHABET[code >> 14] + NEW_ALPHABET[code >> 7 & 127] + NEW_ALPHABET[code & 127]
