"""Documents that wait: kept with their files, encrypted, and taken up when what they wait for is there.

Rules:

- kept is what ``WAITS``, and what is held for a reason that goes away by itself (``RESUMED``); what a person has to
  decide is not;
- an import takes up what it may help: documents that wait for a number which it names, or for a contract where it
  brings one, or for a party that is registered by now; and, with these, what waits for them in turn;
- each is taken up by the rules of the import that it came with, in the name of parties that both imports sign for;
- what is taken up and waits on is told only where somebody asked for it (``tallystick import retry``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from tallystick.errors import MalformedInput
from tallystick.intake.documents import Document, Order, OrderResponse
from tallystick.intake.files import read_files
from tallystick.intake.readers import Options, Reading
from tallystick.protocol.types import PartyId, Timestamp, parse_bytes32
from tallystick.service.context import Context
from tallystick.service.documents.batch import Sheet
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.outcomes import Outcome, Reason, Status
from tallystick.service.keeping import lock_up, take_out
from tallystick.service.parties import parse_identifier
from tallystick.service.ports import Transaction
from tallystick.store.searching import keyed
from tallystick.store.waiting_records import WaitingDocument, WaitingFile

RESUMED = frozenset({Reason.UNKNOWN_PARTY, Reason.SAME_NAME, Reason.NO_DUE_DATE})
"""Why a document may be held, so that it is taken up again."""
_FOR_A_PARTY = frozenset({Reason.UNKNOWN_PARTY, Reason.SAME_NAME})
_NUMBERS = ("number", "order", "invoice", "despatch", "corrects", "contract")
_HEADER_BYTES = 4
_FILES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document that waited, read again, with the rules of the import that it came with."""

    sheet: Sheet
    kept: WaitingDocument
    rules: Rules


def waits(outcome: Outcome) -> bool:
    """Whether the document of ``outcome`` is kept, to be taken up later."""
    return outcome.status is Status.WAITS or (outcome.status is Status.HELD and outcome.reason in RESUMED)


def name_of(sheet: Sheet) -> tuple[str, str, str]:
    """What the document of ``sheet`` is known by among those of its owner."""
    return sheet.source.sha256, type(sheet.document).__name__, keyed(sheet.document.number)


def keep_file(context: Context, transaction: Transaction, owner: str, reading: Reading) -> None:
    """Keep the file of ``reading``. Raises ``MalformedInput`` where its bytes are no longer what was read."""
    data, source = reading.again(), reading.source
    if source.of(source.name, source.media_type, data).sha256 != source.sha256:
        raise MalformedInput(
            f"{source.name}: expected the bytes that were read, got others: the file changed while it was imported.",
            todo="Import it again.",
        )
    mapping = reading.options.mapping or b""
    packed = len(mapping).to_bytes(_HEADER_BYTES, "big") + mapping + data
    sealed = lock_up(context, _kept_as(owner, source.sha256), packed)
    transaction.keep_waiting_file(WaitingFile(owner, source.sha256, source.name, sealed))


def entry(owner: str, job: str, outcome: Outcome, since: Timestamp) -> WaitingDocument:
    """What is kept of the document of ``outcome``, which waits ``since`` the import ``job``, beside its file."""
    return WaitingDocument(
        owner,
        outcome.source.sha256,
        outcome.document or "",
        keyed(outcome.number or ""),
        job,
        outcome.status.value,
        "" if outcome.reason is None else outcome.reason.value,
        outcome.facts,
        since,
    )


def find(
    context: Context, owner: str, sheets: Sequence[Sheet], parties: frozenset[PartyId] | None, *, everything: bool
) -> list[Waiting]:
    """What waits of ``owner`` and may be helped by ``sheets``, or ``everything``, read again."""
    with context.store.transaction(read_only=True) as transaction:
        given = {name_of(sheet) for sheet in sheets}
        left = [each for each in transaction.waiting_documents(owner) if each.name not in given]
        chosen = left if everything else list(_helped(transaction, left, [sheet.document for sheet in sheets]))
        rules = {job: _rules(transaction, job, parties) for job in {each.job for each in chosen}}
    wanted = {each.name: each for each in chosen}
    places = {each.name: at for at, each in enumerate(left)}
    found = []
    for file in _files(context, owner, list(dict.fromkeys(each.sha256 for each in chosen))):
        for sheet in _read_again(context, file):
            kept = wanted.pop(name_of(sheet), None)
            if kept is not None:
                found.append(Waiting(sheet, kept, rules[kept.job]))
    return sorted(found, key=lambda waited: places[waited.kept.name])


def _files(context: Context, owner: str, sha256s: Sequence[str]) -> Iterator[WaitingFile]:
    """The files of ``owner`` that are named, a few at a time: together they may be larger than memory."""
    for start in range(0, len(sha256s), _FILES_AT_ONCE):
        with context.store.transaction(read_only=True) as transaction:
            some = transaction.waiting_files(owner, sha256s[start : start + _FILES_AT_ONCE])
        yield from some


def _helped(
    transaction: Transaction, left: Sequence[WaitingDocument], documents: Sequence[Document]
) -> Iterable[WaitingDocument]:
    """Those ``left`` that ``documents`` may help, and what waits for these."""
    numbers = {number for document in documents for number in _numbers(document)}
    brings_contract = any(isinstance(document, Order | OrderResponse) for document in documents)
    is_known: dict[str, bool] = {}
    chosen: dict[tuple[str, str, str], WaitingDocument] = {}
    grown = True
    while grown:
        grown = False
        for each in left:
            if each.name in chosen:
                continue
            reason = Reason(each.reason)
            if reason in _FOR_A_PARTY:
                identifier = each.facts.get("identifier", "")
                if identifier not in is_known:
                    is_known[identifier] = _is_registered(transaction, identifier)
                is_helped = is_known[identifier]
            elif reason is Reason.NO_CONTRACT:
                is_helped = brings_contract
            else:
                is_helped = not numbers.isdisjoint(_own_numbers(each))
            if is_helped:
                chosen[each.name] = each
                numbers |= _own_numbers(each)
                brings_contract |= each.document in (Order.__name__, OrderResponse.__name__)
                grown = True
    return chosen.values()


def _own_numbers(waiting: WaitingDocument) -> set[str]:
    """The number of a document that waits, and that for which it does."""
    told = waiting.facts.get("number")
    return {waiting.number} if told is None else {waiting.number, keyed(told)}


def _is_registered(transaction: Transaction, identifier: str) -> bool:
    return ":" in identifier and transaction.party_by_identifier(parse_identifier(identifier)) is not None


def _numbers(document: Document) -> Iterable[str]:
    found = (getattr(document, name, None) for name in _NUMBERS)
    yield from (keyed(number) for number in found if isinstance(number, str))
    yield from (keyed(number) for number, _ in getattr(document, "allocations", ()))


def _rules(transaction: Transaction, job: str, parties: frozenset[PartyId] | None) -> Rules:
    """The rules of the import ``job``, in the name of those of its parties that are among ``parties``."""
    told = orjson.loads(transaction.imported(job, limit=0)[0].rules)
    own = None if told["parties"] is None else {PartyId(parse_bytes32(each, "party")) for each in told["parties"]}
    both = parties if own is None else frozenset(own) if parties is None else parties & own
    return Rules(told["termsDays"], told["allowSimilar"], both)


def _read_again(context: Context, file: WaitingFile) -> Iterable[Sheet]:
    packed = take_out(context, _kept_as(file.owner, file.sha256), file.sealed)
    end = _HEADER_BYTES + int.from_bytes(packed[:_HEADER_BYTES], "big")
    mapping, data = packed[_HEADER_BYTES:end], packed[end:]
    for reading in read_files(file.name, data, Options(mapping or None)):
        if isinstance(reading, Reading):
            source = replace(reading.source, name=file.name)
            yield from (Sheet(source, item) for item in reading.items if not isinstance(item, Exception))


def _kept_as(owner: str, sha256: str) -> str:
    return f"file {sha256} of {owner or 'this home'}"
