"""2048 as a fast engine and a Gymnasium environment.

Importing the package registers ``Game2048-v0`` and compiles nothing; the names below load when first used.

>>> import gymnasium, game2048
>>> env = gymnasium.make("Game2048-v0")
>>> observation, info = env.reset(seed=7)
>>> observation.shape, int(info["action_mask"].sum()) > 0
((4, 4), True)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register

if TYPE_CHECKING:
    from game2048.env import Game2048Env
    from game2048.game import Game, IllegalMoveError
    from game2048.record import GameRecord, RecordError
    from game2048.vector_env import Game2048VectorEnv

__version__ = "0.1.0"

_HOMES = {
    "Game": "game2048.game",
    "Game2048Env": "game2048.env",
    "Game2048VectorEnv": "game2048.vector_env",
    "GameRecord": "game2048.record",
    "IllegalMoveError": "game2048.game",
    "RecordError": "game2048.record",
}

__all__ = [
    "Game",
    "Game2048Env",
    "Game2048VectorEnv",
    "GameRecord",
    "IllegalMoveError",
    "RecordError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


register(
    id="Game2048-v0",
    entry_point="game2048.env:Game2048Env",
    vector_entry_point="game2048.vector_env:Game2048VectorEnv",
)
