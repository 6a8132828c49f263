"""What boards on a page show."""

import time

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page

SECONDS = 10.0
TILES = (
    """(root) => Array.from(document.querySelectorAll(`${root} .tile-container > .tile`), (tile) => tile.className)"""
)


def board_on(page: Page, root: str = "#board") -> npt.NDArray[np.uint8]:
    """Return the exponents on a board of a page as it is now; of two tiles that are merging, the larger one."""
    board = np.zeros((4, 4), np.uint8)
    for classes in page.evaluate(TILES, root):
        _, value, position = classes.split()[:3]
        x, y = map(int, position.removeprefix("tile-position-").split("-"))
        exponent = int(value.removeprefix("tile-")).bit_length() - 1
        board[y - 1, x - 1] = max(board[y - 1, x - 1], exponent)
    return board


def assert_board(page: Page, expected: npt.ArrayLike, root: str = "#board") -> None:
    """The board on the page is this one, or soon will be."""
    patience = time.monotonic() + SECONDS
    while not np.array_equal(board_on(page, root), expected) and time.monotonic() < patience:
        page.wait_for_timeout(20)
    np.testing.assert_array_equal(board_on(page, root), expected)
