"""The ids of games, and games that are not there."""

import re

from server.errors import GameNotFoundError


def is_id(text: str) -> bool:
    """Whether a text has the form of a game's id.

    >>> is_id("61ecfdb83cb106a8"), is_id("61ECFDB83CB106A8"), is_id("")
    (True, False, False)
    """
    return re.fullmatch("[0-9a-f]{16}", text) is not None


def no_such_game(game_id: str) -> GameNotFoundError:
    """Return the error that says that no game has this id."""
    return GameNotFoundError(f"there is no game with the id {game_id!r}")
