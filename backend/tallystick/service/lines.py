"""Record drafts line by line: some at a time in one transaction, and one that is bad keeps no other back.

Rules:

- a transaction takes ``AT_ONCE`` lines; results come after its commit, in the order of the lines. Between two
  transactions nothing is held: a reader that stops reading holds up nobody;
- a line is a draft in JSON, of at most ``MAX_LINE_BYTES``; an empty line is skipped, and counts;
- ``@label`` names one of the last ``LABELS`` evidence of the same call that had a label;
- with a key each transaction is carried out once (``service/once.py``): who sends the same lines again after a crash
  gets the results of what was recorded, and the rest is recorded.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import orjson

from tallystick.errors import Duplicate, MalformedInput, TallystickError
from tallystick.intake.drafts import Draft, parse_draft
from tallystick.protocol.types import EvidenceId, parse_bytes32, to_hex
from tallystick.service.accept import Acceptance
from tallystick.service.context import Context
from tallystick.service.entitled import own_drafts
from tallystick.service.once import Answer, Keyed, Replayed, fingerprint
from tallystick.service.policy import Asker
from tallystick.service.ports import Transaction
from tallystick.service.record import Resolver, see_admissions, sign_statement
from tallystick.store.records import EvidenceRecord

AT_ONCE = 200
LABELS = 10_000
MAX_LINE_BYTES = 64 * 1024

_LABEL = re.compile(rb'"@([^"\\]{1,200})"')

Tell = Callable[[TallystickError], Mapping[str, Any]]
"""A refusal as JSON."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the call: ``number`` from 1, ``data`` as it came; None where it was too long."""

    number: int
    data: bytes | None


def lines_of(chunks: Iterable[bytes]) -> Iterator[Line]:
    """The lines in ``chunks``, none of which is held beyond ``MAX_LINE_BYTES``."""
    number, held, is_long = 1, b"", False
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            is_long = is_long or len(held) + len(part) > MAX_LINE_BYTES
            yield Line(number, None if is_long else held + part)
            number, held, is_long = number + 1, b"", False
        is_long = is_long or len(held) + len(rest) > MAX_LINE_BYTES
        held = b"" if is_long else held + rest
    if held or is_long:
        yield Line(number, None if is_long else held)


def record_lines(
    context: Context, asker: Asker, lines: Iterable[Line], keyed: Keyed | None, tell: Tell
) -> Iterator[bytes]:
    """Record the drafts in ``lines``; for each batch of them, once it is kept, its results as lines of JSON.

    A batch that fails as a whole (the database does not answer) has its error as the result of each of its lines.
    """
    see_admissions(context)
    labels: OrderedDict[str, EvidenceId] = OrderedDict()
    source = (line for line in lines if line.data is None or line.data.strip())
    for at in range(2**63):
        batch = list(islice(source, AT_ONCE))
        if not batch:
            return
        try:
            told = _record(context, asker, batch, _of_batch(keyed, at, batch), labels, tell)
        except TallystickError as error:
            told = b"".join(_result(line, refused=tell(error)) for line in batch)
        yield told


def _record(
    context: Context,
    asker: Asker,
    batch: Sequence[Line],
    keyed: Keyed | None,
    labels: OrderedDict[str, EvidenceId],
    tell: Tell,
) -> bytes:
    made: list[tuple[str | None, EvidenceRecord]] = []
    try:
        with context.store.transaction() as transaction:
            if keyed is not None:
                keyed.begin(transaction)
            results = [*_each(context, transaction, asker, batch, labels, made, tell)]
            told = b"".join(results)
            if keyed is not None:
                keyed.keep(transaction, Answer(200, None, told))
    except Replayed as before:
        told = before.answer.body
        made = []
        for line, result in zip(batch, told.splitlines(), strict=True):
            _remember_again(labels, line, orjson.loads(result))
    for label, record in made:
        if label is not None:
            _remember(labels, label, record.evidence_id)
    return told


def _each(
    context: Context,
    transaction: Transaction,
    asker: Asker,
    batch: Sequence[Line],
    labels: Mapping[str, EvidenceId],
    made: list[tuple[str | None, EvidenceRecord]],
    tell: Tell,
) -> Iterator[bytes]:
    """The result of each line; what is accepted is kept at the end of them, all at once."""
    acceptance, resolver = Acceptance(context, transaction), Resolver(context, transaction)
    keys: set[str] = set()
    named = {text.decode(errors="replace") for line in batch for text in _LABEL.findall(line.data or b"")}
    before = {label: labels[label] for label in named if label in labels}
    kept = transaction.evidence(before.values())
    resolver.labels.update({label: kept[name] for label, name in before.items() if name in kept})
    for line in batch:
        try:
            draft = own_drafts(transaction, asker, [_draft(line)])[0]
            record = sign_statement(context, resolver.resolve(draft))
            _refuse_taken(transaction, record, keys)
            acceptance.add(record)
        except TallystickError as error:
            yield _result(line, refused=tell(error))
            continue
        if record.document_key is not None:
            keys.add(record.document_key)
        if draft.label is not None:
            resolver.labels[draft.label] = record
        made.append((draft.label, record))
        yield _result(line, record=record)
    acceptance.keep()


def _refuse_taken(transaction: Transaction, record: EvidenceRecord, keys: set[str]) -> None:
    key = record.document_key
    if key is None:
        return
    taken = transaction.evidence_by_document([key]).get(key)
    if taken is not None or key in keys:
        by = "earlier in the same call" if taken is None else f"by evidence {to_hex(taken)}"
        raise Duplicate(f"The document {key!r} is recorded already, {by}.", todo="Record each document once.")


def _draft(line: Line) -> Draft:
    if line.data is None:
        raise MalformedInput(f"line: expected at most {MAX_LINE_BYTES} bytes, got more.", todo="Split it.")
    try:
        value = orjson.loads(line.data)
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"line: expected a draft in JSON: {error.msg}.") from error
    return parse_draft(value, "draft")


def _result(line: Line, *, record: EvidenceRecord | None = None, refused: Mapping[str, Any] | None = None) -> bytes:
    told: dict[str, Any] = {"line": line.number}
    if record is not None:
        told |= {"evidence": to_hex(record.evidence_id), "status": record.state.value}
    if refused is not None:
        told["problem"] = refused
    return orjson.dumps(told) + b"\n"


def _of_batch(keyed: Keyed | None, at: int, batch: Sequence[Line]) -> Keyed | None:
    """``keyed`` for the transaction number ``at`` of the call, which takes ``batch``."""
    if keyed is None:
        return None
    body = b"\n".join(b"%d:%s" % (line.number, line.data or b"") for line in batch)
    return replace(keyed, key=f"{keyed.key}\n{at}", fingerprint=fingerprint("batch", keyed.key, body))


def _remember(labels: OrderedDict[str, EvidenceId], label: str, name: EvidenceId) -> None:
    labels[label] = name
    labels.move_to_end(label)
    if len(labels) > LABELS:
        labels.popitem(last=False)


def _remember_again(labels: OrderedDict[str, EvidenceId], line: Line, result: Mapping[str, Any]) -> None:
    if "evidence" in result and b"label" in (line.data or b""):
        label = _draft(line).label
        if label is not None:
            _remember(labels, label, EvidenceId(parse_bytes32(result["evidence"], "evidence")))
