"""Time-stamping batch roots with an authority over HTTP: what fails keeps nothing, what was stamped stays stamped."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.world import INVOICE, World, changed
from tallystick.errors import TimestampError
from tallystick.protocol.types import Hash, Timestamp
from tallystick.protocol.verdict import Outcome
from tallystick.service.seal import seal
from tallystick.service.stamp import check_timestamps, stamp_batches, worst
from tallystick.store.records import BatchState, TimestampRecord
from tallystick.timestamp.authority import HttpAuthority
from tallystick.timestamp.token import TokenVerdict, check_token, parse_roots
from timestamp.authority import Authority, listening, made_in, needs_openssl

pytestmark = needs_openssl


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """An authority that answers."""
    with listening(made_in(tmp_path / "tsa")) as made:
        yield made


def client(authority: Authority, roots: Path | None = None) -> HttpAuthority:
    return HttpAuthority(authority.url, parse_roots((roots or authority.roots).read_bytes(), "roots"))


def judged(authority: Authority) -> object:
    """How a reader who trusts ``authority`` checks a token."""
    roots = client(authority).roots

    def check(token: bytes, root: Hash) -> TokenVerdict:
        return check_token(token, root, roots)

    return check


def seal_invoices(world: World, *numbers: str) -> None:
    """A final batch for each invoice."""
    for number in numbers:
        world.record({**changed(INVOICE, invoiceNumber=number), "label": None})
        seal(world.context)


def kept(world: World) -> list[TimestampRecord]:
    with world.context.store.transaction(read_only=True) as transaction:
        return transaction.timestamps()


def test_an_authority_that_is_away_keeps_nothing_and_harms_nothing(trading: World, authority: Authority) -> None:
    """No answer is an error that says so; batches stay final, and a later run stamps them."""
    seal_invoices(trading, "1")
    nowhere = HttpAuthority("http://127.0.0.1:9/", client(authority).roots)
    with pytest.raises(TimestampError, match="did not answer") as caught:
        stamp_batches(trading.context.store, nowhere)
    assert "what is sealed stays sealed" in caught.value.todo
    assert kept(trading) == []
    assert stamp_batches(trading.context.store, client(authority)) == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, b"", "status 500"),
        (404, b"not here", "status 404"),
        (200, b"", "time-stamp answer in DER"),
        (200, b"<html>captive portal</html>", "time-stamp answer in DER"),
        (200, b"\x30" * 200_000, "expected at most 65536 bytes"),
        (200, bytes.fromhex("30053003020102"), "status 2"),
    ],
)
def test_what_is_no_good_token_is_not_kept(
    trading: World, authority: Authority, status: int, body: bytes, message: str
) -> None:
    """An error page, an endless answer, a refusal: each is an error that says what came, and nothing is kept."""
    seal_invoices(trading, "1")
    authority.fails = (status, body)
    with pytest.raises(TimestampError, match=message):
        stamp_batches(trading.context.store, client(authority))
    assert kept(trading) == []


def test_a_token_of_another_batch_is_not_kept(trading: World, authority: Authority) -> None:
    """An old answer sent again is refused, be it of another root or to another request."""
    seal_invoices(trading, "1")
    stamp_batches(trading.context.store, client(authority))
    authority.fails = (200, authority.answers[-1])
    seal_invoices(trading, "2")
    with pytest.raises(TimestampError, match="something else"):
        stamp_batches(trading.context.store, client(authority))
    root = check_timestamps(trading.context.store, judged(authority))[0].root  # type: ignore[arg-type]
    with pytest.raises(TimestampError, match="Nonce"):
        client(authority).stamp(root)
    assert len(kept(trading)) == 1


def test_a_token_of_an_unknown_authority_is_not_kept(trading: World, authority: Authority, tmp_path: Path) -> None:
    """What does not lead to the configured roots is refused, and the error names where they are configured."""
    seal_invoices(trading, "1")
    other = made_in(tmp_path / "other")
    with pytest.raises(TimestampError, match="expected a time-stamp that holds") as caught:
        stamp_batches(trading.context.store, client(authority, other.roots))
    assert "authority_roots" in caught.value.todo
    assert kept(trading) == []


def test_what_came_before_a_failure_is_kept(trading: World, authority: Authority) -> None:
    """Of three batches, the two stamped before the authority failed stay stamped; the next run asks for one."""
    seal_invoices(trading, "1", "2", "3")
    real = client(authority)

    class FailsThird(HttpAuthority):
        def stamp(self, root: Hash) -> tuple[bytes, Timestamp]:
            if authority.asked == 2:
                authority.fails = (503, b"")
            return super().stamp(root)

    with pytest.raises(TimestampError, match="status 503"):
        stamp_batches(trading.context.store, FailsThird(real.url, real.roots))
    first = kept(trading)
    assert [stamp.batch_id for stamp in first] == [0, 1]
    authority.fails = None
    assert stamp_batches(trading.context.store, real) == 1
    assert kept(trading)[:2] == first


def test_every_final_batch_is_stamped_once(trading: World, authority: Authority) -> None:
    """A second run finds nothing to do and asks nobody; what is not final yet is left alone."""
    seal_invoices(trading, "1", "2")
    trading.record({**changed(INVOICE, invoiceNumber="3"), "label": None})
    assert stamp_batches(trading.context.store, client(authority)) == 2
    assert stamp_batches(trading.context.store, client(authority)) == 0
    assert authority.asked == 2
    checked = check_timestamps(trading.context.store, judged(authority))  # type: ignore[arg-type]
    assert [one.verdict.outcome for one in checked] == [Outcome.VALID, Outcome.VALID]
    assert all(one.stamp.stamped_at == one.verdict.at for one in checked)
    with trading.context.store.transaction(read_only=True) as transaction:
        roots = [batch.root for batch in transaction.batches([BatchState.FINAL])]
    assert [one.root for one in checked] == roots
    for one in checked:  # and by the program openssl alone, as docs/certificates.md says
        (authority.folder / "token.tsr").write_bytes(one.stamp.token)
        (authority.folder / "root.bin").write_bytes(one.root)
        command = ["openssl", "ts", "-verify", "-in", "token.tsr", "-data", "root.bin", "-CAfile", "root.pem"]
        done = subprocess.run(command, cwd=authority.folder, capture_output=True, text=True, check=False)
        assert "Verification: OK" in done.stdout + done.stderr


def test_two_who_stamp_at_once_keep_one_token_a_batch(trading: World, authority: Authority) -> None:
    """Whoever comes second finds the token there and keeps none."""
    seal_invoices(trading, "1")
    ready, counts = threading.Barrier(2), []

    class Together(HttpAuthority):
        def stamp(self, root: Hash) -> tuple[bytes, Timestamp]:
            ready.wait(20)
            with _one_at_a_time:
                return super().stamp(root)

    def run() -> None:
        real = client(authority)
        counts.append(stamp_batches(trading.context.store, Together(real.url, real.roots)))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(counts) == [0, 1]
    assert len(kept(trading)) == 1


_one_at_a_time = threading.Lock()
"""openssl keeps its serial number in a file."""


def test_a_token_that_was_altered_in_the_database_is_found(trading: World, authority: Authority) -> None:
    """The check of what is kept tells a changed token from one of an authority that is not known."""
    seal_invoices(trading, "1", "2")
    stamp_batches(trading.context.store, client(authority))
    good, other = kept(trading)
    with _altered(trading, good, other.token):
        checked = check_timestamps(trading.context.store, judged(authority))  # type: ignore[arg-type]
    assert [one.verdict.outcome for one in checked] == [Outcome.INVALID, Outcome.VALID]
    assert worst(checked) is Outcome.INVALID
    nobody = check_timestamps(trading.context.store, lambda token, root: check_token(token, root, ()))
    assert worst(nobody) is Outcome.UNCHECKED
    assert worst([]) is Outcome.VALID


@contextmanager
def _altered(world: World, stamp: TimestampRecord, token: bytes) -> Iterator[None]:
    """The kept ``stamp`` with another ``token``, as only somebody in the database can do it."""
    from tallystick.store.schema import timestamp_token

    def put(value: bytes) -> None:
        with world.context.store.transaction() as transaction:
            same = timestamp_token.c.batch_id == stamp.batch_id
            transaction._connection.execute(timestamp_token.update().where(same).values(token=value))  # type: ignore[attr-defined]

    put(token)
    yield
    put(stamp.token)
