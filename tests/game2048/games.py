"""Whole games for the tests, played move by move on `Game`."""

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from game2048 import Game, GameRecord
from game2048.board import play, row_tables, unpack
from game2048.record import quantized

Policy = Callable[[Game], int]

CORNER = (3, 2, 1, 0)  # left, down, right, up
NEARLY_65536 = [[15, 14, 13, 13], [0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def corner(game: Game) -> int:
    """Play the first legal action of left, down, right, up."""
    return next(action for action in CORNER if action in game.legal_actions)


def greedy(game: Game) -> int:
    """Play the action with the largest reward, the first of `CORNER` among equals."""
    board, high = game.packed
    rewards = {action: int(play(board, high, action, row_tables())[2]) for action in game.legal_actions}
    return max(sorted(rewards, key=CORNER.index), key=lambda action: rewards[action])


def record_game(
    seed: int, policy: Policy = corner, board: Sequence[Sequence[int]] | None = None, max_moves: int = 100_000
) -> GameRecord:
    """Play a game to its end (or to ``max_moves``) and return its record."""
    game = Game(seed=seed, board=board)
    start, plies = game.board, []
    while not game.is_over and game.n_moves < max_moves:
        action = policy(game)
        after = unpack(*play(*game.packed, action, row_tables())[:2])
        game.play(action)
        (cell,) = np.flatnonzero(game.board != after)
        plies.append(action << 5 | int(cell) << 1 | int(game.board.flat[cell] == 2))
    return GameRecord(start=start, plies=np.array(plies, np.uint8), agent=policy.__name__, seed=seed)


def with_probabilities(game: GameRecord, probabilities: np.ndarray) -> GameRecord:
    """Return the game with what its player thought."""
    return GameRecord(start=game.start, plies=game.plies, agent=game.agent, seed=game.seed, probabilities=probabilities)


def thoughts(record: GameRecord) -> np.ndarray:
    """Equal probabilities of the legal moves before every ply."""
    masks = np.array([Game(0, board=board).action_mask for board in record.boards[:-1]]).reshape(-1, 4)
    return quantized(masks / masks.sum(1, keepdims=True))


@st.composite
def records(draw: st.DrawFn, min_moves: int = 0) -> GameRecord:
    """Random legal games of up to 60 plies, from random boards with tiles up to 131072 or from a usual start."""
    choices = draw(st.lists(st.integers(0, 3), min_size=min_moves, max_size=60))
    tiles = st.lists(st.integers(0, 17), min_size=16, max_size=16)
    cells = draw(st.none() | tiles.filter(lambda cells: cells.count(0) >= 8))
    board = None if cells is None else np.reshape(cells, (4, 4)).tolist()
    turns = iter(choices)
    record = record_game(
        seed=draw(st.integers(0, 2**64 - 1)),
        policy=lambda game: game.legal_actions[next(turns) % len(game.legal_actions)],
        board=board,
        max_moves=len(choices),
    )
    agent = draw(st.text(st.characters(exclude_categories=("C", "Z")), max_size=20))
    return GameRecord(start=record.start, plies=record.plies, agent=agent, seed=record.seed)


def as_text(record: GameRecord) -> str:
    """Write a game for people: a line a ply, and its JSON form at the end."""
    names = ("up", "right", "down", "left")
    lines = [f"start            {_row(record.boards[0])}"]
    for number, (code, reward) in enumerate(zip(record.plies.tolist(), record.rewards.tolist(), strict=True), 1):
        cell, value = code >> 1 & 15, 4 if code & 1 else 2
        move = f"{number:>4} {names[code >> 5]:<5} +{reward:<5}"
        lines.append(f"{move:<17}{_row(record.boards[number])}  {value} at row {cell >> 2} column {cell & 3}")
    summary = {key: value for key, value in record.to_json().items() if key not in ("start", "plies")}
    lines += [f"{key} = {value}" for key, value in summary.items()]
    return "\n".join([*lines, "plies = " + record.to_json()["plies"]]) + "\n"


def _row(board: np.ndarray) -> str:
    """Show a board in one line."""
    return " | ".join(" ".join(f"{1 << e if e else '.':>4}" for e in row) for row in board.tolist())
