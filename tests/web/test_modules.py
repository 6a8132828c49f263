"""The page's modules that know no DOM, run by Node where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.needs import missing


def test_the_pure_modules_pass_their_tests():
    if (node := shutil.which("node")) is None:
        missing("node is not installed; the browser tests cover the page as a whole")
    files = sorted(Path(__file__).parent.glob("*.test.mjs"))

    result = subprocess.run([node, "--test", *files], capture_output=True, text=True)

    assert result.returncode == 0, result.stdout
    assert int(re.search(r"^\S+ pass (\d+)", result.stdout, re.MULTILINE)[1]) > 100
