"""Drafts line by line: each has its result, in order; a bad one keeps no other back; memory and locks stay small."""

from __future__ import annotations

import itertools
import json
import socket
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bootstrap import Opened
from tallystick.service.lines import AT_ONCE, MAX_LINE_BYTES, lines_of
from web.support import Api, problem

HEADERS = {"Content-Type": "application/x-ndjson"}
_numbers = itertools.count(1)


def send(api: Api, lines: list[Any], **headers: str) -> list[dict[str, Any]]:
    body = b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    answer = httpx.Client.post(api, "/v1/evidence/lines", content=body, headers={**HEADERS, **headers})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_each_line_has_its_result_in_order(api: Api) -> None:
    """Good and bad ones mixed, over several transactions: the bad ones alone are refused, each by its fault."""
    twice = api.invoice()
    bad: dict[int, tuple[Any, str]] = {
        3: (b"{not json", "malformed-input"),
        5: ({"kind": "INVOICES", "issuer": "Supplier", "content": {}}, "malformed-input"),
        7: (api.invoice(issuer="Nobody"), "not-found"),
        9: (twice, "duplicate"),
        11: (b'"' + b"x" * MAX_LINE_BYTES + b'"', "malformed-input"),
        AT_ONCE + 20: (api.invoice(deal=f"0x{'66' * 32}"), "unfounded"),
    }
    lines: list[Any] = [bad[at][0] if at in bad else api.invoice() for at in range(1, AT_ONCE + 30)]
    lines[0] = twice
    results = send(api, lines)
    assert [one["line"] for one in results] == list(range(1, len(lines) + 1))
    for one in results:
        if one["line"] in bad:
            assert one["problem"]["type"] == f"urn:tallystick:problem:{bad[one['line']][1]}"
            assert one["problem"]["detail"]
        else:
            assert one["status"] == "pending", one
    assert api.get(f"/v1/evidence/{results[-1]['evidence']}").json()["content"] == lines[-1]["content"]


def test_a_label_is_good_in_later_transactions(api: Api) -> None:
    """A payment many lines later names the invoice by its label; a label that is not there is refused."""
    invoice = api.invoice(label=f"inv {next(_numbers)}")
    payment = api.payment((f"@{invoice['label']}", "1.00"))
    lost = api.payment(("@lost", "1.00"))
    results = send(api, [invoice, *(api.invoice() for _ in range(AT_ONCE)), b"", payment, lost])
    assert [one["line"] for one in results[-2:]] == [AT_ONCE + 3, AT_ONCE + 4]
    paid = api.get(f"/v1/evidence/{results[-2]['evidence']}").json()["content"]["allocations"][0]["invoice"]
    assert paid == results[0]["evidence"]
    assert "lost" in results[-1]["problem"]["detail"]


def test_lines_that_come_again_are_recorded_once(api: Api) -> None:
    """After a failure half way the client sends all of them again: what was recorded has the same results."""
    dispute = {"reasonCode": "x", "disputedAmount": "1.00", "currency": "EUR"}
    invoice = api.invoice(label="again")
    answer = {"kind": "DISPUTE", "issuer": "Buyer", "counterparty": "Supplier", "parent": "@again", "content": dispute}
    lines = [invoice, *([answer] * (AT_ONCE + 5))]
    headers = {"Idempotency-Key": f"lines {next(_numbers)}"}
    first = send(api, lines, **headers)
    assert all("evidence" in one for one in first)
    assert send(api, lines, **headers) == first
    assert send(api, [*lines, answer], **headers)[:AT_ONCE] == first[:AT_ONCE]


def test_what_is_no_lines_is_refused(api: Api) -> None:
    """Another media type, and nobody's key; nothing at all is nothing."""
    problem(
        httpx.Client.post(api, "/v1/evidence/lines", content=b"{}", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported-media-type",
    )
    assert send(api, []) == []
    assert send(api, [b"", b"  "]) == []


def test_a_client_that_stops_reading_holds_up_nobody(api: Api, opened: Opened) -> None:
    """While its results wait to be read, others record as if it were not there."""
    lines = b"\n".join(b'{"kind": "%s"}' % (b"x" * 500) for _ in range(20_000))
    parts = urlsplit(str(api.base_url))
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        head = (
            f"POST /v1/evidence/lines HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.keys.group}\r\n"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {len(lines)}\r\n\r\n"
        )
        slow.sendall(head.encode() + lines)
        assert slow.recv(1_000).startswith(b"HTTP/1.1 200")
        for _ in range(3):
            assert api.record(api.invoice())["status"] == "pending"
            time.sleep(0.2)


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\n", b" ")), max_size=20),
    sizes=st.lists(st.integers(1, 9), min_size=1),
)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], sizes: list[int]) -> None:
    """Where the chunks of the body end means nothing."""
    body = b"\n".join(lines)

    def chunks() -> Iterator[bytes]:
        at = 0
        for size in itertools.cycle(sizes):
            if at >= len(body):
                return
            yield body[at : at + size]
            at += size

    expected = body.split(b"\n")
    if not expected[-1]:
        expected.pop()
    found = list(lines_of(chunks()))
    assert [one.data for one in found] == expected
    assert [one.number for one in found] == list(range(1, len(expected) + 1))


@pytest.mark.slow
def test_a_million_lines_take_no_more_memory_than_a_thousand() -> None:
    """Nor does a single line without an end."""

    def peak(chunks: Iterator[bytes]) -> int:
        tracemalloc.start()
        for _ in lines_of(chunks):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    chunk = b'{"kind": "INVOICE"}\n' * 100
    few, many = peak(iter([chunk] * 10)), peak(itertools.repeat(chunk, 10_000))
    assert many < few + 1_000_000
    endless = peak(itertools.repeat(b"x" * 1_000, 100_000))
    assert endless < 4 * MAX_LINE_BYTES
