"""Sources: the lines of our own code that the lessons point at.

A page names a citation, never a file; where its lines are, the file itself tells, so that no number goes stale.
"""

import ast
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

CITED: Final = {
    "propagate": ("nets/graph.py", "propagate"),
    "tanh": ("nets/ops.py", "tanh"),
    "backpropagation": ("server/workers/lessons/backpropagation.py", "lesson"),
    "adam-step": ("nets/backends/reference/optimization.py", "OptimizationOps.adam_step"),
    "adam": ("server/workers/lessons/adam.py", "lesson"),
    "sum-weights": ("agents/ntuple.py", "sum_weights"),
    "learn-backward": ("agents/learning_rules.py", "learn_backward"),
    "td": ("server/workers/lessons/td.py", "lesson"),
    "noised": ("generative/diffusion/prediction.py", "noised"),
    "euler": ("generative/diffusion/samplers.py", "euler"),
    "learn-points": ("generative/diffusion/toys.py", "learn_points"),
    "diffusion": ("server/workers/lessons/diffusion.py", "lesson"),
    "weights": ("server/workers/lessons/weights.py", "lesson"),
}
"""Name -> file, and what in it."""


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a file."""

    file: str
    """Path from the folder of the project."""
    name: str
    """What is cited: "OptimizationOps.adam_step"."""
    first: int
    """Number of its first line."""
    last: int
    """Number of its last one."""
    code: str
    """Its lines without the docstring, moved to the left."""


@cache
def excerpt(citation: str) -> Excerpt:
    """Return what a citation points at."""
    file, name = CITED[citation]
    text = read(file)
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        node = next(child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == part)
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    assert node.end_lineno is not None
    lines = text.splitlines()
    shown = lines[node.lineno - 1 : node.end_lineno]
    if ast.get_docstring(node) is not None:
        end = node.body[0].end_lineno or node.lineno
        shown = lines[node.lineno - 1 : node.body[0].lineno - 1] + lines[end : node.end_lineno]
    return Excerpt(file, name, node.lineno, node.end_lineno, textwrap.dedent("\n".join(shown)))


def read(file: str) -> str:
    """Return the text of a cited file.

    Raises
    ------
    KeyError
        If no citation is of this file.
    """
    if file not in {cited for cited, _ in CITED.values()}:
        raise KeyError(file)
    package, _, rest = file.partition("/")
    spec = find_spec(package)  # finds a package without importing it
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / rest).read_text("utf-8")
