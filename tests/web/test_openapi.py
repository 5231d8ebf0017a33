"""The OpenAPI document says everything that a client needs: names, forms, examples and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from web.support import Api

METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = {
    "recordEvidence",
    "recordEvidenceInBulk",
    "importDocuments",
    "importStatements",
    "listImports",
    "readImport",
    "downloadRejectedRows",
    "listWaiting",
    "retryWaiting",
    "addIdentifier",
    "readEvidence",
    "readReceipt",
    "acknowledgeEvidence",
    "disputeEvidence",
    "resolveDispute",
    "correctEvidence",
    "writeOffInvoice",
    "signalOnEvidence",
    "recordEvidenceLines",
    "findEvidence",
    "streamEvents",
    "addWebhook",
    "listWebhooks",
    "removeWebhook",
    "rotateWebhookSecret",
    "listDeliveries",
    "redeliver",
    "uploadDocument",
    "listDocuments",
    "downloadDocument",
    "downloadAttachment",
    "readInbox",
    "countersignEvidence",
    "listParties",
    "addParty",
    "readParty",
    "readHistory",
    "readChanges",
    "downloadBundle",
    "certifyEvidence",
    "certifyParty",
    "verifyBundle",
    "readHealth",
    "readOwnAccount",
    "listOrganisations",
    "addOrganisation",
    "closeOrganisation",
    "giveParty",
    "listKeys",
    "issueKey",
    "rotateKey",
    "revokeKey",
    "readJournal",
    "draftTypedData",
    "readTypedData",
    "submitEvidence",
    "listSigners",
    "addSigner",
    "rotateSigner",
    "revokeSigner",
    "stateCompromise",
    "listMembers",
    "addMember",
    "removeMember",
    "endSession",
    "askNonce",
    "signIn",
    "readTradelines",
    "readReceivable",
    "grantAccess",
    "listGrants",
    "withdrawAccess",
    "listAccesses",
    "showAccesses",
    "listReceivedGrants",
    "requestErasure",
    "confirmErasure",
    "listErasures",
}


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    """The document as the server gives it."""
    made: dict[str, Any] = api.get("/v1/openapi.json").json()
    return made


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in document["paths"].items():
        assert path.startswith("/v1/")
        for method, operation in item.items():
            if method in METHODS:
                yield operation


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def examples(document: dict[str, Any], media: dict[str, Any]) -> list[Any]:
    """The examples of a media type: its own, or those of its schema or of its schema's items."""
    if "examples" in media:
        return [item["value"] for item in media["examples"].values()]
    if "example" in media:
        return [media["example"]]
    schema = resolve(document, media["schema"])
    if schema.get("type") == "array":
        return [[item] for item in resolve(document, schema["items"]).get("examples", [])]
    return list(schema.get("examples", []))


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).values()


def test_the_names_of_operations_never_change(document: dict[str, Any]) -> None:
    """Generated clients call operations by these names."""
    assert document["openapi"] == "3.1.0"
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(OPERATIONS)
    assert set(names) == OPERATIONS


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    """Each has a summary, a description, a tag, and describes its parameters."""
    tags = {tag["name"] for tag in document["tags"]}
    for operation in operations(document):
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (operation["operationId"], parameter["name"])


def test_every_body_has_an_example_of_its_form(document: dict[str, Any]) -> None:
    """Each body that is JSON has an example, and the example follows the body's schema."""
    for operation in operations(document):
        for media in bodies(operation):
            if media["schema"].get("format") == "binary":
                continue
            found = examples(document, media)
            assert found, operation["operationId"]
            validator = Draft202012Validator({**media["schema"], "components": document["components"]})
            for example in found:
                validator.validate(example)


def test_every_operation_names_its_problems(document: dict[str, Any]) -> None:
    """Each tells the errors it may answer, all of them problems, and never FastAPI's own form."""
    for operation in operations(document):
        failures = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert {"401", "403", "421", "429", "500"} <= failures.keys()
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= failures.keys()
        for status, answer in failures.items():
            assert answer["description"]
            if (operation["operationId"], status) == ("readHealth", "503"):
                continue
            assert list(answer["content"]) == ["application/problem+json"]
            assert examples(document, answer["content"]["application/problem+json"])[0]["status"] == int(status)
    assert "HTTPValidationError" not in str(document)


def test_real_answers_follow_the_document(api: Api, document: dict[str, Any]) -> None:
    """What the server really answers validates against the schemas that it publishes."""
    evidence = api.record(api.invoice())["evidence"]
    api.final(evidence)
    first_block = api.get("/v1/parties/Buyer/history").json()["asOf"]["blockNumber"]
    asked = {
        "readEvidence": f"/v1/evidence/{evidence}",
        "readReceipt": f"/v1/evidence/{evidence}/receipt",
        "listParties": "/v1/parties",
        "readParty": "/v1/parties/Buyer",
        "readHistory": "/v1/parties/Buyer/history",
        "readChanges": f"/v1/parties/Buyer/changes?since={first_block}",
        "downloadBundle": "/v1/parties/Buyer/bundle",
        "readHealth": "/v1/health",
    }
    by_name = {operation["operationId"]: operation for operation in operations(document)}
    for name, path in asked.items():
        schema = by_name[name]["responses"]["200"]["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        validator.validate(api.get(path).json())
    problem_schema = document["components"]["schemas"]["Problem"]
    Draft202012Validator(problem_schema).validate(api.post("/v1/evidence", {}).json())
