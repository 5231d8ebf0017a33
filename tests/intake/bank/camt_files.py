"""Small bank messages for the tests, written by hand in the words of ISO 20022."""

from __future__ import annotations

from xml.sax.saxutils import escape

ACCOUNT = "DE89370400440532013000"


def tag(name: str, *inside: str) -> str:
    """The element ``name`` around ``inside``."""
    return f"<{name}>{''.join(inside)}</{name}>"


def amount(value: str, currency: str = "EUR", name: str = "Amt") -> str:
    return f'<{name} Ccy="{currency}">{value}</{name}>'


def transaction(
    value: str | None = None,
    *,
    currency: str = "EUR",
    direction: str | None = None,
    servicer: str | None = None,
    end_to_end: str | None = None,
    uetr: str | None = None,
    text: tuple[str, ...] = (),
    reference: str | None = None,
    kind: str = "SCOR",
    documents: tuple[tuple[str, str | None], ...] = (),
    debtor: str | None = None,
    creditor: str | None = None,
    lei: str | None = None,
    returned: str | None = None,
    more: str = "",
) -> str:
    """A TxDtls; ``documents`` are (number, remitted amount)."""
    references = [
        tag(name, escape(each))
        for name, each in (("AcctSvcrRef", servicer), ("EndToEndId", end_to_end), ("UETR", uetr))
        if each is not None
    ]
    sides = []
    identity = tag("Id", tag("OrgId", tag("LEI", lei))) if lei else ""
    for name, each in (("Dbtr", debtor), ("Cdtr", creditor)):
        if each is not None:
            sides.append(tag(name, tag("Nm", escape(each)), identity))
    remittance = [tag("Ustrd", escape(each)) for each in text]
    if reference is not None:
        kind_of = tag("Tp", tag("CdOrPrtry", tag("Cd", kind)))
        remittance.append(tag("Strd", tag("CdtrRefInf", kind_of, tag("Ref", reference))))
    for number, remitted in documents:
        kind_of = tag("Tp", tag("CdOrPrtry", tag("Cd", "CINV")))
        share = "" if remitted is None else tag("RfrdDocAmt", amount(remitted, currency, "RmtdAmt"))
        remittance.append(tag("Strd", tag("RfrdDocInf", kind_of, tag("Nb", escape(number))), share))
    return tag(
        "TxDtls",
        tag("Refs", *references) if references else "",
        "" if value is None else amount(value, currency),
        "" if direction is None else tag("CdtDbtInd", direction),
        more,
        tag("RltdPties", *sides) if sides else "",
        tag("RmtInf", *remittance) if remittance else "",
        "" if returned is None else tag("RtrInf", tag("Rsn", tag("Cd", returned))),
    )


def entry(
    value: str,
    *transactions: str,
    direction: str = "CRDT",
    currency: str = "EUR",
    day: str = "2026-02-10",
    status: str = "BOOK",
    servicer: str | None = None,
    reversal: bool = False,
) -> str:
    """An Ntry of version 4 and later."""
    return tag(
        "Ntry",
        amount(value, currency),
        tag("CdtDbtInd", direction),
        tag("RvslInd", "true") if reversal else "",
        tag("Sts", tag("Cd", status)),
        tag("BookgDt", tag("Dt", day)),
        tag("ValDt", tag("Dt", day)),
        "" if servicer is None else tag("AcctSvcrRef", servicer),
        tag("NtryDtls", *transactions) if transactions else "",
    )


def statement(*entries: str, account: str = ACCOUNT, more: str = "", name: str = "S-1") -> bytes:
    """A camt.053 of version 8 with one statement; ``more`` goes before the entries (balances, totals)."""
    inside = tag("Id", name) + tag("Acct", tag("Id", tag("IBAN", account))) + more + "".join(entries)
    return _document("camt.053.001.08", "BkToCstmrStmt", tag("Stmt", inside))


def notification(*entries: str, account: str = ACCOUNT, name: str = "N-1") -> bytes:
    """A camt.054 of version 4 with one notification."""
    inside = tag("Id", name) + tag("Acct", tag("Id", tag("IBAN", account))) + "".join(entries)
    return _document("camt.054.001.04", "BkToCstmrDbtCdtNtfctn", tag("Ntfctn", inside))


def _document(version: str, body: str, inside: str) -> bytes:
    head = tag("GrpHdr", tag("MsgId", "M-1"), tag("CreDtTm", "2026-02-11T04:00:00"))
    name = f"urn:iso:std:iso:20022:tech:xsd:{version}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{name}">{tag(body, head, inside)}</Document>'.encode()
    )
