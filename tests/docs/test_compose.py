"""The compose file is of the form of the Compose Specification, and means what it should; it is not run here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_pydantic import ComposeSpecification
from pydantic import ValidationError

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "deploy" / "compose.yaml"
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[\w.-]*\Z")


@pytest.fixture
def compose() -> dict[str, Any]:
    """The file as YAML."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def test_the_schema_refuses_what_it_does_not_know(compose: dict[str, Any]) -> None:
    """The check can fail: a member that the specification does not have is refused."""
    compose["services"]["api"]["depend_on"] = ["database"]
    with pytest.raises(ValidationError, match="depend_on"):
        ComposeSpecification(**compose)


def test_the_file_follows_the_specification(compose: dict[str, Any]) -> None:
    """It validates against the model that was generated from the JSON schema of the Compose Specification."""
    made = ComposeSpecification(**compose)
    assert made.services is not None
    assert set(made.services) == {"database", "node", "worker", "api"}


def test_what_is_referred_to_is_there(compose: dict[str, Any]) -> None:
    """Services depend on services and mount volumes that the file has; one that is waited for has a check."""
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed], name
        for mount in service.get("volumes", ()):
            assert mount.partition(":")[0] in compose["volumes"], name
        build = service.get("build")
        if build is not None:
            context = FILE.parent / build["context"]
            assert context.resolve() == ROOT
            assert (context / build["dockerfile"]).is_file()


def test_images_are_pinned_and_secrets_are_elsewhere(compose: dict[str, Any]) -> None:
    """Every image names a version; a password is a variable that must be set; ports are loopback's alone."""
    for name, service in compose["services"].items():
        assert PINNED.match(service["image"]), name
        for variable, value in service.get("environment", {}).items():
            if re.search("PASS|SECRET|KEY", variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), f"{name}: {variable}"
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
    assert PINNED.match((ROOT / "docs" / "deploy" / "Dockerfile").read_text().split("FROM ")[1].split()[0])


@pytest.mark.parametrize("name", ["worker", "api"])
def test_the_commands_are_ours(compose: dict[str, Any], name: str) -> None:
    """Worker and API are started by commands and options that the program has."""
    from tallystick.cli.app import program

    command, *options = compose["services"][name]["command"]
    found = program().commands[command]
    known = {option for parameter in found.params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
