"""Recipes: networks and settings that belong together, by name. docs/recipes.md has their curves."""

from dataclasses import dataclass
from typing import Final

from agents.networks import Network
from agents.td_settings import TDSettings


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to learn, how, and for how long."""

    network: Network
    """The tables."""
    settings: TDSettings
    """How to learn."""
    games: int | None = None
    """Games from the start; None: limited by time alone."""
    minutes: float | None = None
    """Wall time; None: limited by games alone."""
    n_threads: int | None = None
    """Threads; None: one for each processor."""


RECIPES: Final = {
    "fast": Recipe(
        network=Network.named("4x6+lines"),
        settings=TDSettings(),
        games=10_000,
        n_threads=1,
    ),
    "strong": Recipe(
        network=Network.named("8x6+lines"),
        settings=TDSettings(restart=0.5, restart_after=20_000, cool_down=0.2),
        minutes=120,
    ),
    "record": Recipe(
        network=Network.named("8x6+lines@15,14"),
        settings=TDSettings(restart=0.5, restart_after=20_000, carousel_tiles=(15, 14, 13), cool_down=0.2),
        minutes=7 * 24 * 60,
    ),
}
