"""The package as it is installed: light to import, typed, its examples true, its wheel complete."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("game2048", "nets", "agents", "generative", "server", "web", "cli")
APART = {
    "game2048.sb3",  # needs an extra
    "server.migrations.env",  # is no module: Alembic runs it as a script, inside a migration
}


def modules():
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield name
        yield from (m.name for m in pkgutil.walk_packages(package.__path__, f"{name}.") if "__main__" not in m.name)


def python(code, **kwargs):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, **kwargs).stdout


def test_importing_the_game_compiles_nothing_and_loads_no_kernel():
    python(
        "import sys, game2048\n"
        "assert 'numba' not in sys.modules\n"
        "assert not any(name.startswith('game2048.') for name in sys.modules), 'a module of ours was loaded'"
    )


@pytest.mark.parametrize("name", sorted(set(modules()) - APART))
def test_docstring_examples_are_true(name):
    result = doctest.testmod(importlib.import_module(name))

    assert result.failed == 0


def test_every_module_says_what_it_is_for():
    for name in set(modules()) - APART:
        assert importlib.import_module(name).__doc__, name


def test_kernels_work_without_a_writable_cache(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")

    out = python(
        "from game2048.rng import seed; print(seed(1)[0])", env={**os.environ, "NUMBA_CACHE_DIR": str(blocked / "x")}
    )

    assert int(out) > 0


def test_other_peoples_numba_cache_folder_is_left_alone():
    python(
        "import numba; before = numba.config.CACHE_DIR; import game2048.rng; assert numba.config.CACHE_DIR == before"
    )


def test_the_readme_examples_run():
    """Every Python block of the README and the documentation, in one process each."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    assert blocks
    for block in blocks:
        python(block)


def test_the_readme_shows_commands_that_exist():
    from cli.main import COMMANDS

    shown = set(re.findall(r"game2048 ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))

    assert shown <= COMMANDS.keys()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_wheel_works_in_an_empty_environment(tmp_path):
    """Build it from the checkout, install it where nothing else is, and run the main job far from the checkout."""
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    bin_folder = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    install = [bin_folder / "python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    subprocess.run([*install, wheel], check=True)
    away = tmp_path / "away"
    away.mkdir()

    subprocess.run(
        [bin_folder / "game2048", "demo", "--minutes", "0.02", "--games", "5", "--no-serve"], check=True, cwd=away
    )
    check = (
        "import gymnasium, game2048, server.app\n"
        "from gymnasium.utils.env_checker import check_env\n"
        "check_env(gymnasium.make('Game2048-v0').unwrapped)\n"
        "from server import GameStore, create_app\n"
        "client = create_app(store=GameStore('sqlite:///runs/demo/games.sqlite')).test_client()\n"
        "game = client.get('/api/games').json['games'][0]['id']\n"
        "for path in ('/', f'/games/{game}', f'/api/games/{game}', '/static/js/main-game.js'):\n"
        "    assert client.get(path).status_code == 200, path\n"
    )
    subprocess.run([bin_folder / "python", "-W", "ignore", "-c", check], check=True, cwd=away)
