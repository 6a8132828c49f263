"""Templates: what the pages share, written once (`web/pages/base.html`)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateNotFound

from server.sources import excerpt


@dataclass(frozen=True)
class Place:
    """An entry of the header: the name that a page gives itself (``{% set place = ... %}``), and where it leads."""

    name: str
    path: str
    label: str


PLACES: Final = (
    Place("games", "/", "Games"),
    Place("play", "/play", "Play"),
    Place("watch", "/watch", "Watch"),
    Place("training", "/training", "Training"),
    Place("demos", "/demos", "Demos"),
    Place("learn", "/learn", "Learn"),
)


@cache
def own_templates() -> Environment:
    """Return the templates of the package `web`."""
    return templates(files("web") / "pages")


def templates(folder: Traversable) -> Environment:
    """Return the templates in a folder; a file that changes is read anew."""

    def source(name: str) -> tuple[str, None, Callable[[], bool]]:
        file = folder.joinpath(name)
        try:
            text = file.read_text("utf-8")
        except OSError:
            raise TemplateNotFound(name) from None
        return text, None, lambda: file.read_text("utf-8") == text

    environment = Environment(
        loader=FunctionLoader(source), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals["excerpt"] = excerpt
    return environment


def render(environment: Environment, template: str, **values: object) -> str:
    """Write a page."""
    return environment.get_template(template).render(places=PLACES, **values)
