"""``Idempotency-Key``: what a route that records needs, so that a request that comes again is carried out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Header, Request, Response

from tallystick.protocol.receipt import SignedReceipt
from tallystick.protocol.types import EvidenceId
from tallystick.service.context import Context
from tallystick.service.once import (
    KEPT_SECONDS,
    Answer,
    Keyed,
    Once,
    Replayed,
    Telling,
    UnderWayKeys,
    check_key,
    fingerprint,
)
from tallystick.service.ports import Transaction
from tallystick.service.receipts import receipts_within
from tallystick.store.records import EvidenceRecord
from tallystick.web.identity import Asking
from tallystick.web.models import Recorded
from tallystick.web.requests import BodyFile, Installed

REPLAYED = "Idempotent-Replayed"
PLACE = "/v1/evidence/{}"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A text of your own, such as a random UUID, that names this request. Sent again with the same key, "
        f"within {KEPT_SECONDS // 86400} days, it is not carried out again: it gets the same answer, with the header "
        f"`{REPLAYED}: true`. Another request with the same key is refused (422), and one while the first is under "
        "way (409).",
        examples=["2f1c8a6e-7b0d-4b7e-9a55-0f6b8f0d3c11"],
    ),
]


@dataclass(frozen=True, slots=True)
class Recording:
    """How a route records: ``once`` as the request asks for it, and what is answered."""

    context: Context
    keyed: Keyed | None
    release: Callable[[], None] = lambda: None
    """Called when it is done, before the answer goes out: who has the answer may ask again at once."""

    def one(self, record: Callable[[Once], EvidenceRecord]) -> Response:
        """The answer (201) to a request that makes one evidence by ``record``."""
        return self._answer(lambda once: [record(once)], _tell_one)

    def completed(self, complete: Callable[[Once], EvidenceRecord]) -> Response:
        """The answer (200) to a request that completes an evidence by ``complete``."""
        return self._answer(lambda once: [complete(once)], _tell_completed)

    def many(self, record: Callable[[Once], Sequence[EvidenceRecord]]) -> Response:
        """The answer (201) to a request that makes a list of evidence by ``record``."""
        return self._answer(record, _tell_many)

    def other(self, do: Callable[[], Answer]) -> Response:
        """The answer to a request that ``do`` carries out in transactions of its own, each part of it once by itself.

        The answer is kept after them: where a crash comes between, the request is carried out again.
        """
        answer = do()
        if self.keyed is not None:
            with self.context.store.transaction() as transaction:
                self.keyed.keep(transaction, answer)
        self.release()
        return response(answer)

    def _answer(
        self,
        record: Callable[[Once], Sequence[EvidenceRecord]],
        tell: Callable[[Sequence[EvidenceRecord], dict[EvidenceId, SignedReceipt]], Answer],
    ) -> Response:
        told: list[Answer] = []

        def within(transaction: Transaction, made: Sequence[EvidenceRecord]) -> Answer:
            told.append(tell(made, receipts_within(self.context, transaction, made)))
            return told[-1]

        record(Telling(within) if self.keyed is None else replace(self.keyed, tell=within))
        self.release()
        return response(told[-1])


def recording(
    request: Request, installed: Installed, asking: Asking, body: BodyFile, key: IdempotencyKey = None
) -> Iterator[Recording]:
    """How the route of ``request`` records.

    Raises:
        MalformedInput: no such key can be. KeyReused, UnderWay: as ``service/once.py`` says.
    """
    if key is None:
        yield Recording(installed, None)
        return
    check_key(key)
    body.seek(0)
    target = request.url.path + "?" + request.url.query
    named = fingerprint(request.scope["route"].operation_id, target, body.read())
    keyed = Keyed(installed, asking.organisation.organisation, key, named)
    under_way: UnderWayKeys = request.app.state.under_way
    with ExitStack() as stack:
        stack.enter_context(under_way.taken(keyed.organisation, key))
        with installed.store.transaction(read_only=True) as transaction:
            keyed.begin(transaction)  # most that come again need no writer's turn
        yield Recording(installed, keyed, stack.close)


Records = Annotated[Recording, Depends(recording)]


def lines_key(
    request: Request, installed: Installed, asking: Asking, key: IdempotencyKey = None
) -> Iterator[tuple[Keyed | None, Callable[[], None]]]:
    """The key under which a long request is carried out once, or None, and what to call when it is done.

    Raises as ``recording``.
    """
    if key is None:
        yield None, lambda: None
        return
    check_key(key)
    holder = asking.organisation.organisation
    under_way: UnderWayKeys = request.app.state.under_way
    with ExitStack() as stack:
        stack.enter_context(under_way.taken(holder, key))
        yield Keyed(installed, holder, key, b""), stack.close


Lines = Annotated[tuple[Keyed | None, Callable[[], None]], Depends(lines_key)]


def response(answer: Answer, *, again: bool = False) -> Response:
    """``answer`` as HTTP; ``again`` if it was given before."""
    headers = {} if answer.location is None else {"Location": answer.location}
    if again:
        headers[REPLAYED] = "true"
    return Response(answer.body, answer.status, headers, "application/json")


def install(app: FastAPI) -> None:
    """Let ``app`` give kept answers again."""
    app.state.under_way = UnderWayKeys()

    async def again(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Replayed), "registered for these"
        return response(error.answer, again=True)

    app.add_exception_handler(Replayed, again)


def _tell_one(made: Sequence[EvidenceRecord], signed: dict[EvidenceId, SignedReceipt]) -> Answer:
    (one,) = made
    told = Recorded.of(one, signed.get(one.evidence_id))
    return Answer(201, PLACE.format(told.evidence), orjson.dumps(_json(told)))


def _tell_completed(made: Sequence[EvidenceRecord], signed: dict[EvidenceId, SignedReceipt]) -> Answer:
    return replace(_tell_one(made, signed), status=200, location=None)


def _tell_many(made: Sequence[EvidenceRecord], signed: dict[EvidenceId, SignedReceipt]) -> Answer:
    told = [_json(Recorded.of(one, signed.get(one.evidence_id))) for one in made]
    return Answer(201, None, orjson.dumps(told))


def _json(told: Recorded) -> Any:
    return told.model_dump(mode="json", by_alias=True)
