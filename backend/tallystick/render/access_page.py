"""Who may look at a party's history and who did, as one HTML file for the party, in English or Simplified Chinese."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from html import escape

import orjson

from tallystick.protocol.types import to_hex
from tallystick.render.html import html_page, policy_of
from tallystick.render.page import moment
from tallystick.service.access_log import AccessLog
from tallystick.service.scope import Identities, Shown, parse_scope
from tallystick.store.grants import Grant, Use

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Who looked at the history of {name}", "谁查看了 {name} 的历史记录"),
    "asOf": ("As of {time}", "截至 {time}"),
    "grants": ("Who may look", "谁可以查看"),
    "looks": ("Who looked", "谁已查看"),
    "grantee": ("given to", "授予对象"),
    "shows": ("shows", "可查看内容"),
    "identities": ("counterparties", "交易对手"),
    "until": ("until (UTC)", "截至（UTC）"),
    "state": ("state", "状态"),
    "consent": ("consent", "同意书"),
    "good": ("good", "有效"),
    "ended": ("ended", "已到期"),
    "withdrawn": ("withdrawn {time}", "已于 {time} 撤回"),
    "everything": ("everything", "全部"),
    "narrowed": (" (within bounds)", "（有范围限制）"),
    "when": ("when", "时间"),
    "who": ("who", "查看者"),
    "what": ("at what", "查看内容"),
    "block": ("as of block", "截至区块"),
    "access": ("noted by the evidence", "记录证据"),
    "organisation": ("organisation", "机构"),
    "key": ("key", "密钥"),
    "noGrants": ("Nobody was let look.", "尚未授予任何人查看权限。"),
    "noLooks": ("Nobody looked.", "尚无人查看。"),
    "older": (
        "There are older looks: ask for those before position {position}.",
        "还有更早的查看记录：请查询位置 {position} 之前的记录。",
    ),
    "limits": (
        "Each look under a consent is noted before it is answered. The day and the object are signed evidence in the "
        "party's log, which nobody can take away once it is sealed; the second, the organisation and the key are the "
        "word of the operator of this service. Not noted are: looks of organisations that act for the party itself, of "
        "auditors of the service, and whatever becomes of a file that was handed out.",
        "根据同意书进行的每次查看均在答复之前记录。日期和查看内容是该主体日志中的已签名证据，封存后任何人都无法删除；"
        "具体时刻、机构和密钥以本服务运营者所述为准。以下情形不作记录：代表该主体行事的机构的查看、本服务审计方的查看，"
        "以及已交付文件的后续使用。",
    ),
}
_OBJECTS: Mapping[Shown, tuple[str, str]] = {
    Shown.HISTORY: ("history", "历史记录"),
    Shown.TRADELINES: ("trade lines", "交易往来"),
    Shown.CHANGES: ("changes", "变更"),
    Shown.BUNDLE: ("bundle", "证明文件"),
    Shown.CERTIFICATE: ("certificate", "证书"),
    Shown.EVIDENCE: ("evidence", "证据"),
    Shown.RECEIVABLE: ("receivable", "应收账款"),
}
_IDENTITIES: Mapping[Identities, tuple[str, str]] = {
    Identities.PSEUDONYMS: ("pseudonyms", "化名"),
    Identities.IDS: ("ids", "标识"),
    Identities.NAMES: ("names", "名称"),
}
_BOUNDS = ("counterparties", "kinds", "fields", "since", "until")
_STYLE = """
.good { color: #1a7f37; font-weight: 600; } .ended, .withdrawn { color: #b26a00; } .older { font-weight: 600; }
.looks td:nth-child(1), .grants td:nth-child(4) { white-space: nowrap; } .looks th:nth-child(5) { width: 36%; }
.grants th:nth-child(6) { width: 32%; } .about { color: #5b6875; font-size: 13px; }
"""
POLICY = policy_of(_STYLE)
"""The ``Content-Security-Policy`` of the page."""


def render_page(log: AccessLog, language: str) -> str:
    """``log`` as an HTML page in ``language`` (``en`` or ``zh``)."""
    is_chinese = language == "zh"

    def word(key: str, **values: object) -> str:
        return escape(_WORDS[key][is_chinese].format(**values))

    title = _WORDS["title"][is_chinese].format(name=log.party.name)
    grants = _table(
        "grants",
        [word(key) for key in ("grantee", "shows", "identities", "until", "state", "consent")],
        [_grant_row(one, log, word, is_chinese) for one in log.grants],
        word("noGrants"),
    )
    looks = _table(
        "looks",
        [word(key) for key in ("when", "who", "what", "block", "access")],
        [_look_row(use, given, word, is_chinese) for use, given in log.looks],
        word("noLooks"),
    )
    older = "" if log.older is None else f"<p class=older>{word('older', position=log.older)}</p>"
    body = (
        f"<h1>{escape(title)}</h1><p class=about>{word('asOf', time=moment(log.at))}"
        f"<br><span class=id>{to_hex(log.party.party)}</span></p>"
        f"<h2>{word('looks')}</h2>{looks}{older}<h2>{word('grants')}</h2>{grants}<p class=limits>{word('limits')}</p>"
    )
    return html_page(language, title, body, _STYLE)


def _table(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> str:
    """A table of cells that are HTML; ``nothing`` where it has no row."""
    if not rows:
        return f"<p>{nothing}</p>"
    head = "".join(f"<th>{one}</th>" for one in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table class={name}><tr>{head}</tr>{lines}</table>"


def _look_row(use: Use, given: Grant, word: Callable[..., str], is_chinese: bool) -> Sequence[str]:
    seen = escape(_object(use.object, is_chinese))
    if use.evidence is not None:
        seen += f"<div class=id>{to_hex(use.evidence)}</div>"
    about = f"{word('organisation')} {escape(use.organisation)}<br>{word('key')} {escape(use.key)}"
    return (
        moment(use.at),
        f"{_name(given)}<div class=id>{about}</div>",
        seen,
        "" if use.block is None else str(use.block),
        _id(use.access),
    )


def _grant_row(one: Grant, log: AccessLog, word: Callable[..., str], is_chinese: bool) -> Sequence[str]:
    scope = parse_scope(orjson.loads(one.scope))
    allowed = [shown for shown in Shown if scope.allows(shown)]
    shows = ("、" if is_chinese else ", ").join(_object(shown, is_chinese) for shown in allowed)
    if len(allowed) == len(Shown):
        shows = _WORDS["everything"][is_chinese]
    if any(getattr(scope, bound) is not None for bound in _BOUNDS):
        shows += _WORDS["narrowed"][is_chinese]
    if one.withdrawn_at is not None:
        state = f"<span class=withdrawn>{word('withdrawn', time=moment(one.withdrawn_at))}</span>"
    else:
        state = "good" if one.is_good(log.at) else "ended"
        state = f"<span class={state}>{word(state)}</span>"
    identities = _IDENTITIES[scope.identities][is_chinese]
    return (_name(one), escape(shows), escape(identities), _last_day(one), state, _id(one.consent))


def _last_day(one: Grant) -> str:
    try:
        return f"{datetime.datetime.fromtimestamp(one.ends_at - 1, datetime.UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return f"{one.ends_at} s"


def _name(one: Grant) -> str:
    # isolated: a name may hold characters that turn the direction of what follows
    return f"<bdi>{escape(one.grantee_name)}</bdi>" if one.grantee_name else _id(one.grantee)


def _object(name: str, is_chinese: bool) -> str:
    return _OBJECTS[Shown(name)][is_chinese]


def _id(value: bytes) -> str:
    return f"<div class=id>{to_hex(value)}</div>"
