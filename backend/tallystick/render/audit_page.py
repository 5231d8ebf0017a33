"""The report of an audit as one HTML file that needs nothing else, in English or Simplified Chinese."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from html import escape

from tallystick.protocol.types import PartyId, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.render.html import html_page
from tallystick.service.audit.findings import Finding, Severity
from tallystick.service.audit.replay import Audit
from tallystick.service.audit.report import outcome
from tallystick.service.audit.words import SEVERITIES, says

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Audit of a Tallystick ledger", "Tallystick 账本审计报告"),
    "valid": ("Nothing found: all that was sealed is here, and fits", "未发现问题：所有已封存内容齐全且一致"),
    "invalid": ("Faults found", "发现错误"),
    "unchecked": (
        "Could not check everything; what could be checked fits",
        "部分内容无法检查；可检查的部分一致",
    ),
    "ledger": ("Ledger", "账本"),
    "chain": ("Chain", "链"),
    "asOf": ("As of block", "截至区块"),
    "notBegun": ("The audit could not begin", "审计未能开始"),
    "archive": ("Archive (SHA-256 of its manifest)", "存档（清单的 SHA-256）"),
    "database": ("Live database", "实时数据库"),
    "compared": ("compared", "已比对"),
    "notCompared": ("not compared", "未比对"),
    "none": ("none", "无"),
    "digest": ("Index digest", "索引摘要"),
    "checked": ("Checked", "已检查"),
    "batches": ("batches", "个批次"),
    "evidence": ("evidence", "份证据"),
    "findings": ("Findings", "发现"),
    "noFindings": ("There are none.", "没有发现。"),
    "severity": ("severity", "级别"),
    "code": ("code", "代码"),
    "says": ("what was found", "发现内容"),
    "names": ("evidence and parties", "证据与主体"),
    "parties": ("Parties", "主体"),
    "party": ("party", "主体"),
    "entries": ("entries", "条目"),
    "withheld": ("not proven", "未证明"),
    "report": ("SHA-256 of the credit report", "信用报告的 SHA-256"),
    "limits": (
        "Complete means complete with respect to what was sealed, not to what happened. What the node said about the "
        "chain is relied upon; a signature proves who said something, not that it is true.",
        "“完整”指已封存记录的完整，不代表实际发生的全部交易。链上状态以该节点所述为准；签名证明谁作出陈述，不证明其真实。",
    ),
}
_VERDICTS = {Outcome.VALID: "valid", Outcome.INVALID: "invalid", Outcome.UNCHECKED: "unchecked"}
_STYLE = """
.verdict { padding: .6rem 1rem; border-left: .4rem solid; font-weight: 600; background: #f4f6f8; }
.valid { border-color: #1a7f37; } .invalid { border-color: #c62828; } .unchecked { border-color: #b26a00; }
.findings td:nth-child(-n+2) { white-space: nowrap; } .findings td:nth-child(3) { overflow-wrap: anywhere; }
.findings th:nth-child(4) { width: 40%; }
.fault { color: #c62828; } .gap { color: #b26a00; } .notice { color: #1b5e97; }
"""


def render_page(audit: Audit, language: str) -> str:
    """``audit`` as an HTML page in ``language`` (``en`` or ``zh``)."""
    is_chinese = language == "zh"

    def word(key: str) -> str:
        return _WORDS[key][is_chinese]

    verdict, names = _VERDICTS[outcome(audit)], audit.names
    about = _about(audit, word)
    rows = "".join(f"<tr><th>{escape(key)}</th><td class=id>{escape(value)}</td></tr>" for key, value in about)
    counts = " · ".join(f"{audit.count(one)} {SEVERITIES[one][is_chinese]}" for one in Severity)
    findings = "".join(_finding_row(finding, names, language) for finding in audit.findings)
    heads = "".join(f"<th>{word(key)}</th>" for key in ("severity", "code", "says", "names"))
    found = f"<table class=findings><tr>{heads}</tr>{findings}</table>" if findings else f"<p>{word('noFindings')}</p>"
    parties = "".join(
        f"<tr><td>{escape(one.name or '')}<div class=id>{to_hex(one.party)}</div></td>"
        f"<td class=number>{one.entries}</td><td class=number>{one.withheld}</td>"
        f"<td class=id>{one.report.hex()}</td></tr>"
        for one in audit.parties
    )
    party_heads = "".join(f"<th>{word(key)}</th>" for key in ("party", "entries", "withheld", "report"))
    body = (
        f"<h1>{word('title')}</h1>"
        f'<p class="verdict {verdict}">{word(verdict)}<br><small>{escape(counts)}</small></p>'
        f"<table>{rows}</table><h2>{word('findings')}</h2>{found}"
        f"<h2>{word('parties')}</h2><table><tr>{party_heads}</tr>{parties}</table>"
        f"<p class=limits>{word('limits')}</p>"
    )
    return html_page(language, word("title"), body, _STYLE)


def _about(audit: Audit, word: Callable[[str], str]) -> list[tuple[str, str]]:
    as_of = word("notBegun")
    if audit.as_of is not None:
        day = datetime.datetime.fromtimestamp(audit.as_of.timestamp, datetime.UTC)
        as_of = f"{audit.as_of.number} · {day:%Y-%m-%d %H:%M:%S} UTC · {to_hex(audit.as_of.hash)}"
    entries = sum(one.entries for one in audit.parties)
    checked = (
        f"{audit.batches} {word('batches')}, {audit.evidence} {word('evidence')}, {entries} {word('entries')}, "
        f"{len(audit.parties)} {word('parties').lower()}"
    )
    return [
        (word("ledger"), to_hex(audit.deployment.ledger)),
        (word("chain"), str(audit.deployment.chain_id)),
        (word("asOf"), as_of),
        *((word("archive"), word("none") if digest is None else digest.hex()) for digest in audit.archives or (None,)),
        (word("database"), f"{word('compared')}: {audit.databases}" if audit.databases else word("notCompared")),
        (word("digest"), word("none") if audit.digest is None else audit.digest.hex()),
        (word("checked"), checked),
    ]


def _finding_row(finding: Finding, names: Mapping[PartyId, str], language: str) -> str:
    ids = [f"<div class=id>{to_hex(evidence)}</div>" for evidence in finding.evidence]
    ids += [
        f"<div>{escape(names.get(party, ''))}<div class=id>{to_hex(party)}</div></div>" for party in finding.parties
    ]
    severity = SEVERITIES[finding.severity][language == "zh"]
    return (
        f"<tr><td class={finding.severity.value}>{severity}</td><td>{finding.code.value}</td>"
        f"<td>{escape(says(finding, language, names))}</td><td>{''.join(ids)}</td></tr>"
    )
