"""The transactions within an entry: a batch taken apart to what single payers paid.

Rules:

- the amount of a transaction is the first that is in the entry's currency: its own ``Amt``, the transaction amount,
  the counter value, the instructed amount; a lone transaction that states none is its entry's whole amount;
- where one of several transactions states no amount, the bank did not take the entry apart: it stays one transaction,
  with all that is known of its parts, and a finding says so;
- transactions that do not add up to their entry are read as they are, and a finding names both sums;
- a lone transaction may differ from its entry by charges that are stated with it: what moved on the account counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from lxml import etree

from tallystick.intake.bank.records import (
    Amount,
    Direction,
    Document,
    Finding,
    FindingCode,
    Participant,
    References,
    Remittance,
    Transaction,
)
from tallystick.intake.bank.values import (
    NOT_PROVIDED,
    amount_at,
    direction_at,
    number_at,
    read_amount,
    read_participant,
    short_text,
)
from tallystick.intake.xml import child, children

RETURNS = frozenset({"RRTN", "RPCR", "UPDD", "PRDD"})
"""Sub-families of bank transaction codes that take back an earlier booking: payment return, cancellation request,
unpaid direct debit, reversal of a direct debit."""

_AMOUNTS = (("Amt",), ("AmtDtls", "TxAmt", "Amt"), ("AmtDtls", "CntrValAmt", "Amt"), ("AmtDtls", "InstdAmt", "Amt"))
_NOBODY = Participant(None, None, ())


def read_transactions(
    entry: etree._Element, number: int, amount: Amount, direction: Direction, *, is_reversal: bool
) -> tuple[tuple[Transaction, ...], bool, list[Finding]]:
    """The transactions of ``entry``, whether the bank took it apart, and what does not add up in it."""
    nodes = [*children(entry, "NtryDtls", "TxDtls"), *children(entry, "TxDtls")]
    is_return = is_reversal or _is_return(entry)
    findings = _check_batches(entry, number, len(nodes), amount)
    if not nodes:
        return (_whole(amount, direction, is_return),), False, findings
    parts = [_read(node, at, amount, direction, is_return) for at, node in enumerate(nodes)]
    read = [part for part, _ in parts]
    if len(read) == 1:
        one, stated = parts[0]
        differs = stated is not None and (stated.value, one.direction) != (amount.value, direction)
        if stated is not None and differs and not _charges_explain(one, stated, amount, direction):
            findings.append(_does_not_add_up(number, amount, direction, _signed(stated.value, one.direction)))
        return (replace(one, amount=amount, direction=direction),), True, findings
    if any(stated is None for _, stated in parts):
        found = f"{len(read)} transactions, {sum(stated is None for _, stated in parts)} of them without amount"
        findings.append(Finding(FindingCode.UNDIVIDED_ENTRY, number, str(amount), found))
        return (_merged(read, amount, direction),), False, findings
    total = sum((_signed(part.amount.value, part.direction) for part in read), Decimal(0))
    if total != _signed(amount.value, direction):
        findings.append(_does_not_add_up(number, amount, direction, total))
    return tuple(read), True, findings


def _read(
    node: etree._Element, position: int, whole: Amount, direction: Direction, is_return: bool
) -> tuple[Transaction, Amount | None]:
    """The transaction at ``node``, and the amount that it states in the currency of the ``whole`` entry, if any."""
    offered = [amount_at(node, *path) for path in _AMOUNTS]
    stated = next((each for each in offered if each is not None and each.currency == whole.currency), None)
    related = child(node, "RltdPties")
    returned = child(node, "RtrInf")
    end_to_end = short_text(node, "Refs", "EndToEndId")
    transaction = Transaction(
        position=position,
        amount=whole if stated is None else stated,
        direction=direction_at(node, "CdtDbtInd") or direction,
        is_return=is_return or returned is not None or _is_return(node),
        return_reason=None if returned is None else _return_reason(returned),
        references=References(
            servicer=short_text(node, "Refs", "AcctSvcrRef"),
            end_to_end=None if end_to_end == NOT_PROVIDED else end_to_end,
            uetr=short_text(node, "Refs", "UETR"),
            instruction=short_text(node, "Refs", "InstrId"),
            transaction=short_text(node, "Refs", "TxId"),
        ),
        instructed=amount_at(node, "AmtDtls", "InstdAmt", "Amt"),
        counter_value=amount_at(node, "AmtDtls", "CntrValAmt", "Amt"),
        charges=tuple(_charges(node)),
        debtor=read_participant(related, "Dbtr"),
        creditor=read_participant(related, "Cdtr"),
        ultimate_debtor=read_participant(related, "UltmtDbtr"),
        ultimate_creditor=read_participant(related, "UltmtCdtr"),
        remittances=tuple(_remittance(block) for block in children(node, "RmtInf", "Strd")),
        unstructured=tuple(
            line for each in children(node, "RmtInf", "Ustrd") if (line := short_text(each)) is not None
        ),
    )
    return transaction, stated


def _remittance(block: etree._Element) -> Remittance:
    documents = []
    for each in children(block, "RfrdDocInf"):
        kind = short_text(each, "Tp", "CdOrPrtry", "Cd") or short_text(each, "RfrdDocTp", "Cd")
        number = short_text(each, "Nb") or short_text(each, "RfrdDocNb")
        if number is not None:
            documents.append(Document(kind, number))
    reference = short_text(block, "CdtrRefInf", "Ref") or short_text(block, "CdtrRefInf", "CdtrRef")
    kinds = (("Tp", "CdOrPrtry", "Cd"), ("Tp", "CdOrPrtry", "Prtry"), ("CdtrRefTp", "Cd"), ("Tp", "Cd"))
    kind = next((name for path in kinds if (name := short_text(block, "CdtrRefInf", *path))), None)
    discount = child(block, "RfrdDocAmt", "DscntApldAmt")
    if discount is not None and (inner := child(discount, "Amt")) is not None:  # since version 3
        discount = inner
    return Remittance(
        documents=tuple(documents),
        reference=reference,
        reference_kind=kind,
        remitted=amount_at(block, "RfrdDocAmt", "RmtdAmt"),
        credited=amount_at(block, "RfrdDocAmt", "CdtNoteAmt"),
        discount=None if discount is None else read_amount(discount),
    )


def _charges(node: etree._Element) -> list[Amount]:
    found = [read_amount(each) for each in children(node, "Chrgs", "Amt")]
    return found + [read_amount(each) for each in children(node, "Chrgs", "Rcrd", "Amt")]


def _is_return(node: etree._Element) -> bool:
    return short_text(node, "BkTxCd", "Domn", "Fmly", "SubFmlyCd") in RETURNS


def _return_reason(returned: etree._Element) -> str | None:
    paths = (("Rsn", "Cd"), ("Rsn", "Prtry"), ("RtrRsn", "Cd"), ("AddtlInf",))
    return next((reason for path in paths if (reason := short_text(returned, *path))), None)


def _check_batches(entry: etree._Element, number: int, count: int, amount: Amount) -> list[Finding]:
    """What the entry's only batch header states of its transactions, against them."""
    batches = list(children(entry, "NtryDtls", "Btch"))
    if len(batches) != 1:
        return []
    findings = []
    stated_count = number_at(batches[0], "NbOfTxs")
    if stated_count is not None and count > 1 and stated_count != count:
        findings.append(Finding(FindingCode.BATCH_COUNT, number, f"{stated_count:f}", str(count)))
    total = amount_at(batches[0], "TtlAmt")
    if total is not None and total.currency == amount.currency and total.value != amount.value:
        findings.append(Finding(FindingCode.BATCH_TOTAL, number, str(total), str(amount)))
    return findings


def _charges_explain(one: Transaction, stated: Amount, booked: Amount, direction: Direction) -> bool:
    if one.direction is not direction:
        return False
    charges = sum((each.value for each in one.charges if each.currency == booked.currency), Decimal(0))
    return abs(stated.value - booked.value) == charges


def _does_not_add_up(number: int, amount: Amount, direction: Direction, found: Decimal) -> Finding:
    stated = _signed(amount.value, direction)
    return Finding(
        FindingCode.TRANSACTIONS_OF_ENTRY,
        number,
        f"{stated:+f} {amount.currency}",
        f"{found:+f} {amount.currency}",
    )


def _signed(value: Decimal, direction: Direction) -> Decimal:
    return value * direction.sign


def _whole(amount: Amount, direction: Direction, is_return: bool) -> Transaction:
    """The one transaction that stands for an entry of which nothing more is known."""
    return Transaction(
        position=0,
        amount=amount,
        direction=direction,
        is_return=is_return,
        return_reason=None,
        references=References(None, None, None, None, None),
        instructed=None,
        counter_value=None,
        charges=(),
        debtor=_NOBODY,
        creditor=_NOBODY,
        ultimate_debtor=_NOBODY,
        ultimate_creditor=_NOBODY,
        remittances=(),
        unstructured=(),
    )


def _merged(parts: Sequence[Transaction], amount: Amount, direction: Direction) -> Transaction:
    """All that is known of ``parts`` of which nobody knows how much each is, as one transaction of the whole."""
    whole = _whole(amount, direction, any(part.is_return for part in parts))
    return replace(
        whole,
        remittances=tuple(block for part in parts for block in part.remittances),
        unstructured=tuple(line for part in parts for line in part.unstructured),
    )
