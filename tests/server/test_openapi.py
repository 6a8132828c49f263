"""The OpenAPI document: whether it tells of everything, and of nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.openapi import document

Json = dict[str, Any]


@pytest.fixture
def told(client: FlaskClient) -> Json:
    response = client.get("/api/openapi.json")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    return response.json


def operations(told: Json) -> dict[str, Json]:
    """The operations, by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    }


def references(value: object) -> set[str]:
    """What a document refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if isinstance(value, dict):
        return {value["$ref"]} if "$ref" in value else set().union(*map(references, value.values()))
    return set()


def test_the_document_is_openapi_and_may_be_kept(client: FlaskClient, told: Json) -> None:
    tag = client.get("/api/openapi.json").headers["ETag"]

    assert told["openapi"] == "3.1.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["info"]["version"])
    assert client.get("/api/openapi.json", headers={"If-None-Match": tag}).status_code == 304


def test_every_route_below_api_is_declared(app: Flask, told: Json) -> None:
    expected = {
        f"{method} " + re.sub("<([a-z]+:)?([a-z_]+)>", r"{\2}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }

    assert set(operations(told)) == expected
    assert {"GET /api/games", "POST /api/games", "DELETE /api/games/{game_id}"} <= expected


def test_a_view_that_declares_nothing_is_named(app: Flask) -> None:
    app.add_url_rule("/api/forgotten", view_func=lambda: "")

    with pytest.raises(TypeError, match="must declare its operation"):
        document(app)


def test_names_are_unique_and_all_is_explained(told: Json) -> None:
    names = [operation["operationId"] for operation in operations(told).values()]

    assert len(set(names)) == len(names)
    assert all(operation["summary"] and operation["description"] for operation in operations(told).values())


def test_what_is_referred_to_is_there_and_nothing_else(told: Json) -> None:
    schemas = told["components"]["schemas"]

    assert references(told) == {f"#/components/schemas/{name}" for name in schemas}
    assert not [name for name in schemas if name.endswith("Query")]


def test_parameters_are_described_as_they_are_checked(client: FlaskClient, told: Json) -> None:
    parameters = {one["name"]: one for one in operations(told)["GET /api/games"]["parameters"]}

    limit = parameters["limit"]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert (limit["in"], limit["required"]) == ("query", False)
    assert client.get("/api/games?limit=200").status_code == 200
    assert client.get("/api/games?limit=201").status_code == 400
    assert parameters["min_score"]["schema"]["type"] == "integer"  # left out where it is null
    (game_id,) = operations(told)["GET /api/games/{game_id}"]["parameters"]
    assert (game_id["name"], game_id["in"], game_id["required"]) == ("game_id", "path", True)


def test_answers_and_problems_have_their_schemas(told: Json) -> None:
    for operation in operations(told).values():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
        assert {"400", "404", "503"} <= operation["responses"].keys()
    responses = operations(told)["GET /api/games"]["responses"]
    assert responses["200"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/GamesPage"}}}
    assert "content" not in operations(told)["DELETE /api/games/{game_id}"]["responses"]["204"]


def test_what_is_expensive_says_so(told: Json) -> None:
    assert "429" in operations(told)["GET /api/live"]["responses"]
    assert "429" not in operations(told)["GET /api/games"]["responses"]


def test_writing_may_need_the_token(told: Json) -> None:
    writing = {name for name, operation in operations(told).items() if "security" in operation}

    assert writing == {"POST /api/games", "DELETE /api/games/{game_id}"}
    assert told["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_a_problem_is_what_is_told_of_problems(client: FlaskClient, told: Json) -> None:
    problem = client.get("/api/games/none").json

    assert problem.keys() <= told["components"]["schemas"]["Problem"]["properties"].keys()
    assert set(told["components"]["schemas"]["Problem"]["required"]) <= problem.keys()


def test_the_page_about_the_server_lists_every_operation(told: Json) -> None:
    page = (Path(__file__).parents[2] / "docs" / "server.md").read_text()

    rows = re.findall(r"^\| `([A-Z]+ /api/\S+)` \| (.+) \|$", page, re.MULTILINE)

    assert dict(rows) == {name: operation["summary"] for name, operation in operations(told).items()}
