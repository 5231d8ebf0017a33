"""The client is in step with the OpenAPI document: a method an operation, its parameters, its body, its answer.

A route that is added without a method fails here, with the method that is missing as a text to begin with.
"""

from __future__ import annotations

import inspect
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel, TypeAdapter

from tallystick import client
from tallystick.bootstrap import Opened
from tallystick.client import Client, File, Tagged
from tallystick.web.app import create_app
from web.conftest import opened, trusting_no_authority  # noqa: F401 - a fixture

GIVEN_OTHERWISE = {"importDocuments": {"name", "body"}, "streamEvents": {"last_event_id"}}
"""Parameters that a method gets in another way: the files of an import have names of their own, and a stream that is
lost goes on by itself."""
UNNAMED = (dict[str, Any], Iterator[dict[str, Any]], bytes, File, File | None, Tagged | None)
"""The answers of operations whose form has no name in the document."""
NEVER = ("authorization", "cursor")
OF_THE_CLIENT = {"to", "paths"}


@pytest.fixture(scope="module")
def document(opened: Opened) -> dict[str, Any]:  # noqa: F811
    """The document of the application."""
    made: dict[str, Any] = create_app(opened.context, idle_seconds=None, check_token=trusting_no_authority).openapi()
    return made


def snake(name: str) -> str:
    """``asOf``, ``If-None-Match`` and ``from`` as Python spells names."""
    made = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return f"{made}_" if keyword.iskeyword(made) else made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def parameters(operation: dict[str, Any]) -> set[str]:
    """What the method of ``operation`` must take; a list follows the cursors of its pages by itself."""
    names = {snake(one["name"]) for one in operation.get("parameters", ()) if one["name"] not in NEVER}
    if "requestBody" in operation:
        names.add("body")
    return names


def stub(method: str, path: str, operation: dict[str, Any]) -> str:
    """A method to begin with for an operation that has none."""
    names = ", ".join(sorted(parameters(operation)))
    return f"def {snake(operation['operationId'])}(self, {names}): ...  # {method.upper()} {path}"


def test_every_operation_has_a_method(document: dict[str, Any]) -> None:
    """And no method is left of an operation that is gone."""
    wanted = {snake(one["operationId"]): stub(method, path, one) for method, path, one in operations(document)}
    public = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    missing = [text for name, text in wanted.items() if name not in public]
    assert not missing, "add to tallystick.client:\n" + "\n".join(missing)
    assert public - wanted.keys() == {"close"}


def test_every_parameter_is_there(document: dict[str, Any]) -> None:
    """By its name in snake case, and none that the operation does not have."""
    for method, path, operation in operations(document):
        name = operation["operationId"]
        taken = set(inspect.signature(getattr(Client, snake(name))).parameters) - {"self"}
        wanted = parameters(operation) - GIVEN_OTHERWISE.get(name, set())
        assert taken - OF_THE_CLIENT == wanted - OF_THE_CLIENT, stub(method, path, operation)


def test_bodies_and_answers_are_the_models_of_the_document(document: dict[str, Any]) -> None:
    """Each body and answer that has a schema by name is the model of that name, with the same members, and exported."""
    for _, _, operation in operations(document):
        hints = get_type_hints(getattr(Client, snake(operation["operationId"])))
        answer = next(one for status, one in operation["responses"].items() if status.startswith("2"))
        pairs = [(content.get("schema", {}), hints["return"]) for content in answer.get("content", {}).values()]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and "$ref" in str(body["schema"]):
            pairs.append((body["schema"], hints["body"]))
        for schema, hint in pairs:
            named = set(re.findall(r"#/components/schemas/(\w+)", str(schema)))
            if not named:
                assert hint in UNNAMED, operation["operationId"]
                continue
            models = {one.__name__: one for one in _models(hint)}
            assert models.keys() == named, operation["operationId"]
            for name, model in models.items():
                assert getattr(client, name) is model
                mode: Any = "serialization" if schema is pairs[0][0] else "validation"
                members = TypeAdapter(model).json_schema(by_alias=True, mode=mode)["properties"].keys()
                assert members == document["components"]["schemas"][name]["properties"].keys()


def _models(hint: Any) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in get_args(hint):
        yield from _models(inner)


def test_the_client_needs_no_server_to_be_installed() -> None:
    """Importing it imports neither FastAPI nor the database, web3 or a reader of documents."""
    check = (
        "import sys, tallystick.client\n"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn', 'sqlalchemy', 'web3', 'lxml', 'typst') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
