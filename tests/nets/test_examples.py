"""The smallest examples: short, and as good as they say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ACCURACY = {"nets_xor.py": 1.0, "nets_moons.py": 0.97, "nets_iris.py": 0.95}


@pytest.mark.parametrize("name", ACCURACY)
def test_an_example_reaches_its_accuracy(name, capsys):
    main = runpy.run_path(str(EXAMPLES / name))["main"]

    accuracy = main()

    assert accuracy >= ACCURACY[name]
    assert capsys.readouterr().out


@pytest.mark.parametrize("name", ACCURACY)
def test_an_example_has_fewer_than_forty_lines(name):
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 40
