"""What a test lacks is a reason to skip it, except in CI."""

import subprocess
import sys

import pytest

from tests.needs import missing


@pytest.mark.parametrize("value", ["", "1", "false", None])
def test_a_test_is_skipped_where_something_is_missing(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("CI", raising=False)
    if value is not None:
        monkeypatch.setenv("CI", value)

    with pytest.raises(pytest.skip.Exception, match=r"^no compass$"):
        missing("no compass")


def test_a_test_fails_where_something_is_missing_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="CI=true, and no compass"):
        missing("no compass")


@pytest.mark.parametrize(
    ("test", "variables"),
    [
        ("tests/web/test_modules.py", {"PATH": "/nowhere"}),
        ("tests/browser/test_viewer.py::test_help_opens_on_a_question_mark", {"CHROMIUM": "/nowhere"}),
    ],
)
def test_ci_needs_node_and_chromium(monkeypatch: pytest.MonkeyPatch, test: str, variables: dict[str, str]) -> None:
    for name, value in {**variables, "CI": "true"}.items():
        monkeypatch.setenv(name, value)

    result = subprocess.run([sys.executable, "-m", "pytest", "-q", test], capture_output=True, text=True)

    assert result.returncode == 1, result.stdout
    assert "CI=true, and " in result.stdout
