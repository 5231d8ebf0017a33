"""A real S3 server for tests (moto's), that keeps its buckets in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "ledger"
PLACE = f"s3://{BUCKET}/documents"


class Bucket:
    """A bucket, as its owner sees it."""

    def __init__(self, server: ThreadedMotoServer) -> None:
        self._server = server
        self._client = boto3.client("s3")
        self._client.create_bucket(Bucket=BUCKET)

    def names(self) -> list[str]:
        """What lies in it."""
        return [one["Key"] for one in self._client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def bytes_of(self, name: str) -> bytes:
        """The object ``name``."""
        body: bytes = self._client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return body

    def buckets(self) -> list[str]:
        """All buckets that there are."""
        return [one["Name"] for one in self._client.list_buckets()["Buckets"]]

    def unfinished(self) -> list[str]:
        """Uploads in parts that nobody ended."""
        return [one["Key"] for one in self._client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())]

    def go_away(self) -> None:
        """Stop the server."""
        self._server.stop()


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A server with a bucket, which the environment names as AWS's own would be named; gone at the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.post(f"http://{host}:{port}/moto-api/reset")  # it remembers what an earlier one in this process had
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        try:
            yield Bucket(server)
        finally:
            server.stop()
