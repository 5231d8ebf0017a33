"""Documents in a bucket: what S3 does otherwise than a folder, and that it is never half a document."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace

import fsspec
import pytest
from fastapi.testclient import TestClient

from store.s3_server import BUCKET, PLACE, Bucket, bucket
from tallystick.bootstrap import Opened
from tallystick.errors import StoreError, StoreUnavailable
from tallystick.service import accounts
from tallystick.store.blobs import open_blobs
from tallystick.store.identities import Role
from tallystick.web.app import create_app
from web.conftest import api, keys, opened, trusting_no_authority  # noqa: F401 - fixtures
from web.support import Api, problem

NAME = "ab" * 16
LARGE = 20 << 20
"""More than one part of an upload."""


@pytest.fixture
def s3() -> Iterator[Bucket]:
    """A bucket; what fsspec remembers of an earlier one is forgotten."""
    with bucket() as made:
        fsspec.filesystem("s3").clear_instance_cache()
        yield made


@pytest.mark.parametrize("size", [1_000, LARGE])
def test_a_writer_that_fails_leaves_nothing(s3: Bucket, size: int) -> None:
    """Neither an object nor the parts of an upload; the error is the writer's own."""
    blobs = open_blobs(PLACE)

    def fail() -> None:
        with blobs.create(NAME) as file:
            file.write(os.urandom(size))
            raise RuntimeError("the machine failed")

    with pytest.raises(RuntimeError, match="the machine failed"):
        fail()
    assert s3.names() == []
    assert s3.unfinished() == []
    with pytest.raises(StoreError, match="not in s3://"), blobs.open(NAME):
        pytest.fail("it is not there")


def test_a_bucket_that_is_not_there_is_not_made(s3: Bucket) -> None:
    """A name that is misspelt is an error that says so, and no new bucket with a document in it."""
    with pytest.raises(StoreUnavailable, match="no such place"), open_blobs("s3://legder/x").create(NAME) as file:
        file.write(b"x")
    assert s3.buckets() == [BUCKET]


def test_a_bucket_that_does_not_answer_is_unavailable(s3: Bucket) -> None:
    """Neither to write, to read nor to remove: asked again later, it may be there."""
    blobs = open_blobs(PLACE)
    with blobs.create(NAME) as file:
        file.write(b"whole")
    s3.go_away()
    with pytest.raises(StoreUnavailable), blobs.open(NAME) as file:
        file.read()
    with pytest.raises(StoreUnavailable), blobs.create("cd" * 16) as file:
        file.write(b"x")
    with pytest.raises(StoreUnavailable):
        blobs.remove(NAME)


def test_a_document_is_uploaded_downloaded_and_erased(s3: Bucket, api: Api, opened: Opened) -> None:  # noqa: F811
    """By HTTP: several parts, encrypted where they lie, the same bytes back; gone when its evidence is erased."""
    context = replace(opened.context, blobs=open_blobs(PLACE))
    app = create_app(context, idle_seconds=None, check_token=trusting_no_authority)
    operator = accounts.add_organisation(context, "test", "Erases in a bucket", Role.OPERATOR).organisation
    with TestClient(app, base_url="http://localhost") as client:
        client.headers["Authorization"] = f"Bearer {api.keys.group}"
        data = os.urandom(LARGE)
        digest = hashlib.sha256(data).hexdigest()
        binary = {"Content-Type": "application/octet-stream"}
        wrong = client.put(f"/v1/documents/{'0' * 64}", content=data, headers=binary)
        problem(wrong, 422, "malformed-input")
        assert s3.names() == []
        kept = client.put(f"/v1/documents/{digest}", content=data, headers=binary)
        assert kept.status_code == 201, kept.text
        (name,) = s3.names()
        assert data[:64] not in s3.bytes_of(name)
        assert len(s3.bytes_of(name)) > LARGE
        assert client.get(f"/v1/documents/{digest}").content == data
        named = {name: kept.json()[name] for name in ("sha256", "mediaType", "size", "name")}
        content = {**api.invoice()["content"], "documents": [named]}
        made = client.post("/v1/evidence", json=api.invoice(content=content))
        assert made.status_code == 201, made.text
        evidence = made.json()["evidence"]
        assert client.get(f"/v1/evidence/{evidence}/documents/{digest}").content == data
        client.headers["Authorization"] = f"Bearer {accounts.issue_key(context, 'test', operator, 'test')[1]}"
        plan = client.post("/v1/erasures", json={"evidence": evidence, "reason": "a request under the law"}).json()
        body = {"confirmation": plan["confirmation"]}
        erased = client.post(f"/v1/erasures/{evidence}/confirmation", json=body).json()
        assert erased["documents"] >= 1
        assert s3.names() == []


def test_a_bucket_that_is_gone_is_503(s3: Bucket, api: Api, opened: Opened) -> None:  # noqa: F811
    """With when to ask again, for an upload as for a download; nothing is known of what was not kept."""
    context = replace(opened.context, blobs=open_blobs(PLACE))
    app = create_app(context, idle_seconds=None, check_token=trusting_no_authority)
    with TestClient(app, base_url="http://localhost") as client:
        client.headers["Authorization"] = f"Bearer {api.keys.group}"
        binary = {"Content-Type": "application/octet-stream"}
        first, second = b"first", b"second"
        paths = [f"/v1/documents/{hashlib.sha256(one).hexdigest()}" for one in (first, second)]
        assert client.put(paths[0], content=first, headers=binary).status_code == 201
        s3.go_away()
        problem(client.get(paths[0]), 503, "store-unavailable")
        problem(client.put(paths[1], content=second, headers=binary), 503, "store-unavailable")
        problem(client.get(paths[1]), 404, "not-found")
