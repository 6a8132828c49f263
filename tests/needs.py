"""What some tests need besides Python's packages: a developer may lack it, CI may not."""

import os
from typing import NoReturn

import pytest


def missing(reason: str, *, whole_module: bool = False) -> NoReturn:
    """Skip the test (or the whole module, at its import) for a reason; fail where ``CI=true``.

    There everything is installed, and a test that is skipped would prove nothing.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=whole_module)
