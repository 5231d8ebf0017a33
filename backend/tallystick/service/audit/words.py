"""The sentences of an audit's findings, in English and Simplified Chinese.

A sentence is made of the finding's own values: ``{evidence}``, ``{party}``, ``{operator}``, ``{batch}`` and its facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tallystick.protocol.types import PartyId, to_hex
from tallystick.service.audit.findings import Code, Finding, Severity

_SENTENCES: Mapping[Code, tuple[str, str]] = {
    Code.NODE: ("The node could not be relied upon: {why}", "无法信赖该节点：{why}"),
    Code.CONTRACTS: (
        "The contracts at these addresses are not the published ones: {why}",
        "这些地址上的合约不是已公布的合约：{why}",
    ),
    Code.HEAD: (
        "The appends to the log of {party} fold to {expected}, the chain holds {got}: one is lacking or made up.",
        "{party} 的日志追加折叠为 {expected}，而其存储槽为 {got}：有追加被遗漏或增添。",
    ),
    Code.SIGNER_WINDOW: (
        "Signer {signer} of {party}: its events say {expected}, its storage slot {got}.",
        "{party} 的签署人 {signer}：事件显示 {expected}，存储槽显示 {got}。",
    ),
    Code.ROLE: (
        "{role} {account}: its events say {expected}, its storage slot {got}.",
        "{role} {account}：事件显示 {expected}，存储槽显示 {got}。",
    ),
    Code.NOT_OPERATOR: (
        "Batch {batch} was sealed by {operator}, which no event made an operator before.",
        "批次 {batch} 由 {operator} 封存，但此前没有事件使其成为操作者。",
    ),
    Code.ARCHIVE_MISSING: ("A file of the archive is missing: {why}", "存档缺少文件：{why}"),
    Code.ARCHIVE_ALTERED: (
        "A file of the archive does not hold what it must: {why}",
        "存档文件的内容与应有内容不符：{why}",
    ),
    Code.ARCHIVE_LEDGER: (
        "The archive is of another ledger than the one audited: {why}",
        "存档属于另一个账本，而非被审计的账本：{why}",
    ),
    Code.ARCHIVE_BLOCK: (
        "The archive is as of block {number} {expected}; the node's block of that number is {got}.",
        "存档截至区块 {number} {expected}；节点上该编号的区块为 {got}。",
    ),
    Code.BINDING: ("Who {party} is, is not stated as it must be: {why}", "关于 {party} 身份的声明不合要求：{why}"),
    Code.WITHHELD: (
        "Entries of batch {batch} of operator {operator} are not in the archive; logs concerned: {logs}.",
        "操作者 {operator} 的批次 {batch} 有条目不在存档中，涉及 {logs} 份日志。",
    ),
    Code.ROOT: (
        "What the archive holds of batch {batch} of operator {operator} does not give the sealed root: an entry, or a "
        "signature, was changed; logs concerned: {logs}.",
        "存档中操作者 {operator} 的批次 {batch} 无法得出已封存的根，涉及 {logs} 份日志：有条目或签名被更改。",
    ),
    Code.SURPLUS: (
        "The archive holds entries of batch {batch} of operator {operator} that the chain does not have.",
        "存档含有操作者 {operator} 的批次 {batch} 中链上不存在的条目。",
    ),
    Code.CONTENT: (
        "Evidence {evidence}: what the archive shows of its content is not what was signed: {why}.",
        "证据 {evidence}：存档所示内容与所签署内容不符：{why}。",
    ),
    Code.HIDDEN: (
        "Evidence {evidence} in batch {batch} hides fields that figures may rest on.",
        "批次 {batch} 中的证据 {evidence} 隐藏了指标可能依赖的字段。",
    ),
    Code.ERASED: (
        "Evidence {evidence} in batch {batch}: its content was erased on {at}, as its operator says; the figures that "
        "rested on it can't be derived again.",
        "批次 {batch} 中的证据 {evidence}：据其操作者所述，内容已于 {at} 删除；依赖该内容的指标无法再次推导。",
    ),
    Code.REPEATED: (
        "Evidence {evidence} was sealed again, in batch {batch}: it counts once.",
        "证据 {evidence} 在批次 {batch} 中被再次封存：只计一次。",
    ),
    Code.BAD_SIGNATURE: (
        "Evidence {evidence} was sealed in batch {batch} without the signatures that it needs, well-formed.",
        "证据 {evidence} 在批次 {batch} 中被封存，但缺少所需的有效格式签名。",
    ),
    Code.SIGNER_INACTIVE: (
        "Evidence {evidence}, sealed in batch {batch}, is signed by a key that was not its party's at that time.",
        "批次 {batch} 中的证据 {evidence} 由当时不属于该主体的密钥签署。",
    ),
    Code.ISSUED_AHEAD: (
        "Evidence {evidence} says it was issued after the block that anchored it, in batch {batch}.",
        "证据 {evidence} 声称的签发时间晚于锚定它的区块，批次 {batch}。",
    ),
    Code.FOREIGN: (
        "Evidence {evidence} was sealed in batch {batch} into the log of {party}, whom it does not concern.",
        "证据 {evidence} 在批次 {batch} 中被封入与其无关的 {party} 的日志。",
    ),
    Code.MALFORMED: (
        "Evidence {evidence}, sealed in batch {batch}, lacks a field that its kind must have, or has a bad one.",
        "批次 {batch} 中的证据 {evidence} 缺少其类型必需的字段，或字段格式不符。",
    ),
    Code.MISFIT: (
        "Evidence {evidence}, sealed in batch {batch}, can't answer what it names as its parent.",
        "批次 {batch} 中的证据 {evidence} 不能答复其所指的上级证据。",
    ),
    Code.UNFOUNDED: (
        "Evidence {evidence} was sealed in batch {batch}, and nothing lets it into its counterparty's history.",
        "证据 {evidence} 在批次 {batch} 中被封存，但没有任何依据使其进入对方的历史。",
    ),
    Code.NOT_IN_EVERY_LOG: (
        "Evidence {evidence} was sealed in batch {batch}, but not into the log of {party}, whom it concerns.",
        "证据 {evidence} 在批次 {batch} 中被封存，但未进入与其相关的 {party} 的日志。",
    ),
    Code.DUPLICATE_INVOICE: (
        "Evidence {evidence}: its invoice number stands for more than one invoice of the same issuer.",
        "证据 {evidence}：同一签发人用同一发票号码开具了多张发票。",
    ),
    Code.REPORT_FINDING: ("Evidence {evidence}: {says}", "证据 {evidence}：{says}"),
    Code.PLEDGE_STATE: (
        "Pledge {pledge}: what its events lead to is not what the register's storage holds.",
        "质押 {pledge}：事件所得状态与登记合约的存储不符。",
    ),
    Code.PLEDGE_OF_NO_INVOICE: (
        "Pledge {pledge}: no invoice {evidence} by the supplier stands in the supplier's log; the pledge is void.",
        "质押 {pledge}：供应商日志中没有由其开具的有效发票 {evidence}；该质押无效。",
    ),
    Code.PLEDGE_NOT_FINANCEABLE: (
        "Pledge {pledge}: when it was made, invoice {evidence} was not one to finance: {why}.",
        "质押 {pledge}：设立时发票 {evidence} 不可融资：{why}。",
    ),
    Code.PLEDGE_FINGERPRINT: (
        "Pledges {pledge} and {other} do not agree on which invoice is which: one invoice has one fingerprint, and "
        "another invoice another.",
        "质押 {pledge} 与 {other} 的发票指纹互相矛盾：一张发票只有一个指纹，不同发票指纹不同。",
    ),
    Code.DATABASE_LEDGER: ("The database is of another ledger: {why}", "数据库属于另一个账本：{why}"),
    Code.DATABASE_BLOCK: (
        "The database is indexed up to block {number} {expected}; the node's block of that number is {got}.",
        "数据库索引至区块 {number} {expected}；节点上该编号的区块为 {got}。",
    ),
    Code.DATABASE_APPEND: (
        "Batch {batch} in the log of {party}: the chain says {expected}, the database {got}.",
        "{party} 日志中的批次 {batch}：链上为 {expected}，数据库为 {got}。",
    ),
    Code.DATABASE_SIGNER: (
        "Signer {signer} of {party}: the chain says {expected}, the database {got}.",
        "{party} 的签署人 {signer}：链上为 {expected}，数据库为 {got}。",
    ),
    Code.DATABASE_PARTY: (
        "{party}: the registrar's statement says {expected}, the database {got}.",
        "{party}：登记员的声明为 {expected}，数据库为 {got}。",
    ),
    Code.DATABASE_MISSING: (
        "Evidence {evidence} of batch {batch} is not in the database where the chain has it.",
        "批次 {batch} 的证据 {evidence} 在链上存在，但数据库中的相应位置没有。",
    ),
    Code.DATABASE_SURPLUS: (
        "The database has evidence {evidence} in batch {batch}, where the chain has none.",
        "数据库在批次 {batch} 中有证据 {evidence}，而链上没有。",
    ),
    Code.DATABASE_EVIDENCE: (
        "Evidence {evidence}: its {member} in the database are not what was sealed.",
        "证据 {evidence}：数据库中的{member}与已封存的不同。",
    ),
    Code.DATABASE_UNREADABLE: (
        "The log of {party} can't be read from the database: {why}",
        "无法从数据库读取 {party} 的日志：{why}",
    ),
    Code.DATABASE_REPORT: (
        "The report of {party} from the database differs at {where}, though its rows do not.",
        "{party} 由数据库得出的报告在 {where} 处不同，尽管数据行一致。",
    ),
    Code.DATABASE_DIGEST: (
        "The index digest is {expected}, that of the database {got}, though no row differs.",
        "索引摘要为 {expected}，数据库的为 {got}，尽管没有数据行不同。",
    ),
}

SEVERITIES: Mapping[Severity, tuple[str, str]] = {
    Severity.FAULT: ("fault", "错误"),
    Severity.GAP: ("could not check", "无法检查"),
    Severity.NOTICE: ("notice", "提示"),
}


_CHINESE_FACTS = {"signatures": "签名", "contents": "内容", "signed values": "签署值"}
_SOURCES = {"archive": "存档", "database": "数据库"}
_NOBODY: Mapping[PartyId, str] = {}


def says(finding: Finding, language: str = "en", names: Mapping[PartyId, str] = _NOBODY) -> str:
    """``finding`` as one sentence in ``language`` (``en`` or ``zh``); parties that are in ``names`` are called so."""
    is_chinese = language == "zh"
    facts = dict(finding.facts)
    values: dict[str, str] = defaultdict(lambda: "?")
    values |= {
        "party": _first(finding.parties, names),
        "evidence": _first(finding.evidence, {}),
        "operator": "?" if finding.operator is None else to_hex(finding.operator),
        "batch": str(finding.batch_id),
        "logs": str(len(finding.parties)),
        **({key: _CHINESE_FACTS.get(value, value) for key, value in facts.items()} if is_chinese else facts),
    }
    said = _SENTENCES[finding.code][is_chinese].format_map(values)
    if not finding.source:
        return said
    kind, number = finding.source.split()
    return f"{said}（{_SOURCES[kind]} {number}）" if is_chinese else f"{said} ({finding.source})"


def _first(ids: Sequence[bytes], names: Mapping[PartyId, str]) -> str:
    """The first of ``ids``, by name where it has one, and how many more there are."""
    if not ids:
        return "?"
    called = names.get(PartyId(ids[0])) or to_hex(ids[0])
    return called + (f" (+{len(ids) - 1})" if len(ids) > 1 else "")
