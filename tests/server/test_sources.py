"""Citations: lessons point at lines of our own code, wherever these are by now."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server.sources import CITED, excerpt, read

ROOT = Path(str(files("web"))).parent


@pytest.mark.parametrize("name", CITED)
def test_a_citation_is_a_function_of_ours(name: str) -> None:
    cited = excerpt(name)

    lines = (ROOT / cited.file).read_text("utf-8").splitlines()[cited.first - 1 : cited.last]
    assert lines[0].strip().startswith(f"def {cited.name.rpartition('.')[2]}(")
    shown = cited.code.splitlines()
    assert {line.strip() for line in shown} <= {line.strip() for line in lines}
    assert '"""' not in cited.code
    assert not cited.code.startswith(" ")


def test_every_citation_is_used() -> None:
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "web/pages").glob("learn-*.html"))

    assert set(re.findall(r'cited?\("([a-z-]+)"', pages)) == set(CITED)


def test_a_source_page_has_an_anchor_for_each_line(client: FlaskClient) -> None:
    response = client.get("/learn/source/nets/ops.py")
    text = response.get_data(as_text=True)

    assert response.status_code == 200
    n_lines = len((ROOT / "nets/ops.py").read_text("utf-8").splitlines())
    assert re.findall(r'id="L(\d+)"', text) == [str(n + 1) for n in range(n_lines)]
    assert "lambda g, z: g * (1 - z * z)" in text


@pytest.mark.parametrize(
    "file", ["nets/optim.py", "server/security.py", "nets/../server/config.py", "etc/passwd", "nets/ops.pyc", "nets"]
)
def test_nothing_else_is_shown(client: FlaskClient, file: str) -> None:
    with pytest.raises(KeyError):
        read(file)
    assert client.get(f"/learn/source/{file}").status_code == 404
