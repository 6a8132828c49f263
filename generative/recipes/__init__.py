"""Complete settings that train image models, by family, data set and name; importing it registers all models."""

from typing import Final

from generative.errors import SettingError
from generative.recipe import Recipe
from generative.recipes import autoencoders, gan, letters, pixel_diffusion

ALL: Final[tuple[Recipe, ...]] = (
    *autoencoders.RECIPES,
    *letters.RECIPES,
    *pixel_diffusion.RECIPES,
    *gan.RECIPES,
)


def find(family: str, name: str = "default", data: str | None = None) -> Recipe:
    """Return a recipe; without ``data`` the first of that name.

    Raises
    ------
    SettingError
        If there is none; the message lists those that there are.
    """
    for recipe in ALL:
        if recipe.family == family and recipe.name == name and data in (None, recipe.data):
            return recipe
    known = ", ".join(f"{r.name} ({r.data})" for r in ALL if r.family == family)
    raise SettingError(f"recipe must be one of {family}'s: {known}; got {name!r}" + (f" on {data}" if data else ""))
