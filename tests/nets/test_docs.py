"""The pages about nets and generative: links name what is there. (`tests/test_package.py` runs their examples.)"""

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
DESIGN = [page for page in sorted(DOCS.glob("design/*.md")) if page.name >= "0005"]
PAGES = [*sorted(DOCS.glob("nets*.md")), *sorted(DOCS.glob("generative*.md")), *DESIGN]
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def names_in(path):
    """Return the functions, classes and methods of a file, methods as ``Class.method``."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_to_functions_that_exist(page):
    for text, target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        path = (page.parent / target).resolve()
        assert path.exists(), f"{page.name}: {target}"
        name = text.strip("`")
        if path.suffix == ".py" and "/" not in name:
            assert name in names_in(path), f"{page.name}: {name} is not in {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    root = DOCS.parent
    folders = "nets|generative|examples|benchmarks|tests|docs"
    for name in re.findall(rf"`((?:{folders})/[^`*]*)`", page.read_text(encoding="utf-8")):
        assert (root / name).exists(), f"{page.name}: {name}"
