"""What certificates say, in English and Simplified Chinese, side by side so that neither says more than the other."""

from __future__ import annotations

import re
from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    # titles and leads
    "evidence.title": ("Certificate of trade evidence", "贸易证据证书"),
    "party.title": ("Certificate of trade history", "贸易履约记录证书"),
    "evidence.lead": (
        "As of {time}, the ledger named below held the signed statement described here. Whoever reads this can "
        "check it "
        "alone, without trusting whoever hands it over. It certifies who stated what, and by when; not that it "
        "is true.",
        "截至 {time}，下述账本已收录本证书所列的经签名的陈述。阅读者可自行核验，无需信任出示本证书的任何人。"
        "本证书证明何人在何时之前作出了何种陈述，并不证明该陈述属实。",
    ),
    "party.lead": (
        "As of {time}, the log of the party named below held {entries} entries. The figures are derived from "
        "these entries "
        "alone, and whoever has the bundle named below can derive them again, without trusting whoever hands it over.",
        "截至 {time}，下述主体的日志共有 {entries} 条记录。本证书中的数据仅由这些记录推导得出；"
        "持有下述证明文件（bundle）的任何人均可自行重新推导，无需信任出示本证书的任何人。",
    ),
    "footer": ("Tallystick certificate", "Tallystick 证书"),
    "qr": ("What to check, for a scanner", "扫码获取核验数据"),
    # sections
    "who": ("Who", "当事方"),
    "what": ("What was stated", "陈述内容"),
    "when": ("When", "时间"),
    "where": ("Where it is anchored", "锚定位置"),
    "answers": ("What answers it", "相关回应"),
    "verify": ("How to verify it", "核验方法"),
    "limits": ("What it does not prove", "本证书不证明的事项"),
    "completeness": ("Completeness", "完整性"),
    "figures": ("Main figures", "主要数据"),
    "tradelines": ("Trade lines", "交易往来"),
    "standings": ("Entries by standing", "记录效力统计"),
    "disputes": ("Disputes, corrections and write-offs, in both sides' words", "争议、更正与核销（双方陈述）"),
    "findings": ("What does not fit", "不一致之处"),
    # who
    "issuer": ("issuer", "出具方"),
    "counterparty": ("counterparty", "相对方"),
    "party": ("party", "主体"),
    "partyId": ("party id", "主体标识"),
    "name": ("name", "名称"),
    "noName": ("not certified here: the id alone is known", "本证书未证明其名称，仅知其标识"),
    "nobody": ("none: self-reported, in the issuer's log only", "无：自行申报，仅列入出具方日志"),
    "signer": ("signing key", "签名密钥"),
    "nameNote": (
        "Names and identifiers are the registrar's signed word.",
        "名称与识别码以登记方签名的声明为准。",
    ),
    # what
    "kind": ("kind", "类型"),
    "hidden": ("hidden fields", "隐藏字段"),
    "hiddenSome": (
        "{count} field(s) of the signed content are hidden. This certificate says nothing about them.",
        "已签名内容中有 {count} 个字段被隐藏，本证书对其不作任何说明。",
    ),
    "erasedOn": (
        "The content of this evidence was erased on {day} (UTC), on a lawful request. Its digests are left, and prove "
        "nothing of what it said.",
        "本证据的内容已于 {day}（UTC）依法删除。仅保留其摘要，无法据此证明其内容。",
    ),
    "erasedEntries": (
        "Of {count} entries the content was erased, on lawful requests: they count among those that hide fields.",
        "其中 {count} 个条目的内容已依法删除，计入隐藏字段的条目。",
    ),
    "hiddenAtLeast": (
        "The content is hidden: at least one field. This certificate says nothing about it.",
        "内容被隐藏：至少一个字段，本证书对其不作任何说明。",
    ),
    "hiddenNone": ("none: the whole signed content is shown", "无：已签名内容全部列出"),
    "noFields": ("no field is shown", "未列出任何字段"),
    "evidence": ("evidence id", "证据标识"),
    "deal": ("deal", "交易"),
    "parent": ("answers", "所回应的证据"),
    "contentRoot": ("content root", "内容根"),
    # when
    "occurredAt": ("happened, as the issuer says", "发生时间（出具方自述）"),
    "issuedAt": ("written down, as the issuer says", "记录时间（出具方自述）"),
    "sealedAt": ("sealed, by the block's time", "封存时间（以区块时间为准）"),
    "provenAt": ("proven to be there, at the latest", "可证明的最晚存在时间"),
    "stampedAt": ("time-stamped (RFC 3161)", "可信时间戳（RFC 3161）"),
    "stampValid": ("checked against the configured root certificates", "已按所配置的根证书核验"),
    "stampUnchecked": ("NOT checked by any root certificate", "未按任何根证书核验"),
    "stampBy": ("time-stamping authority", "时间戳机构"),
    # where
    "chain": ("chain id (EIP-155)", "链 ID（EIP-155）"),
    "genesis": ("genesis block", "创世区块"),
    "ledger": ("ledger contract", "账本合约"),
    "registry": ("registry contract", "登记合约"),
    "asOf": ("as of block", "截至区块"),
    "blockHash": ("block hash", "区块哈希"),
    "logOf": ("Log of {name}", "{name} 的日志"),
    "standing": ("standing", "效力"),
    "position": ("entry in the log", "日志序号"),
    "positionOf": ("number {seq}, counted from 0", "第 {seq} 条（从 0 计）"),
    "operator": ("operator", "封存方"),
    "batch": ("batch", "批次"),
    "batchOf": ("{batch}, entry {index} of {count}", "{batch}，第 {index} 条，共 {count} 条"),
    "leaf": ("entry leaf", "条目叶"),
    "subjectRoot": ("subject root", "主体根"),
    "batchRoot": ("batch root", "批次根"),
    "sealedIn": ("sealed in block", "封存区块"),
    "paths": ("proof paths", "证明路径"),
    "pathsOf": ("{entry} + {batch} hashes, in the attached file", "{entry} + {batch} 个哈希，见附件"),
    "attached": ("attached file", "附件"),
    "sha256": ("its SHA-256", "附件 SHA-256"),
    # answers
    "noAnswers": (
        "Nothing in these logs acknowledges, disputes, corrects or pays it as of this block.",
        "截至该区块，上述日志中没有对其确认、争议、更正或付款的记录。",
    ),
    "withheld": (
        "{count} entries of these logs are withheld by their operators: an answer may be among them.",
        "上述日志中有 {count} 条记录被封存方扣留，其中可能含有对本证据的回应。",
    ),
    "disputedNow": (
        "DISPUTED, CORRECTED OR WRITTEN OFF: see “What answers it”.",
        "曾有争议、更正或核销：请见“相关回应”。",
    ),
    "voidSomewhere": ("VOID in the log of {name}: {why}.", "在 {name} 的日志中无效：{why}。"),
    "date": ("sealed on", "封存日期"),
    "by": ("by", "出具方"),
    "said": ("what it says", "内容"),
    "allocated": ("{amount} allocated to it", "其中 {amount} 用于本发票"),
    # completeness
    "complete": (
        "COMPLETE: the entries behind the bundle fold to the head that the ledger holds for this party. No "
        "entry that was "
        "sealed into its log up to this block is missing.",
        "完整：证明文件中的全部记录推导所得的日志头与账本所载一致。截至该区块，封存于其日志的记录无一缺失。",
    ),
    "incomplete": (
        "NOT COMPLETE: {count} entries are withheld by their operators. The figures lack them, and may look "
        "better than "
        "the truth.",
        "不完整：有 {count} 条记录被封存方扣留，未计入下列数据；数据可能优于实际情况。",
    ),
    "restsOnHidden": (
        "NOT TO BE RELIED UPON IN FULL: a check of the bundle comes to “could not check”, for its figures may rest on "
        "what is hidden or withheld.",
        "不可完全信赖：证明文件的核验结果为“无法核验”，因为数据可能依赖被隐藏或扣留的内容。",
    ),
    "hiddenEntries": (
        "{count} entries hide fields. Figures marked * rest on them: they may be others in truth.",
        "{count} 条记录含隐藏字段。标 * 的数据依赖这些字段，实际数值可能不同。",
    ),
    "entries": ("entries", "记录数"),
    "appends": ("appends to the log", "日志追加次数"),
    "definitions": ("definitions of the figures", "数据定义"),
    "bundle": ("bundle", "证明文件"),
    "bundleBytes": ("{bytes} bytes", "{bytes} 字节"),
    "bundleSha": ("SHA-256 of the bundle", "证明文件 SHA-256"),
    "asBuyer": ("As buyer: how it pays ({currency})", "作为买方：付款表现（{currency}）"),
    "asSeller": ("As seller: how it is paid ({currency})", "作为卖方：收款情况（{currency}）"),
    "noFigures": ("No invoice stands in this log, so that there are no figures.", "该日志中没有有效发票，故无数据。"),
    "ageing": ("open by age", "未付账龄"),
    "shares": ("who vouches for the value", "金额的佐证情况"),
    "none": ("none", "无"),
    "more": ("and {count} more, in the bundle", "另有 {count} 条，见证明文件"),
    "about": ("about", "所涉证据"),
    # standings
    "stands": ("stands", "有效"),
    "repeated": ("void: sealed before in this log", "无效：此前已封存于本日志"),
    "badSignature": ("void: a signature is malformed or missing", "无效：签名缺失或格式错误"),
    "signerInactive": ("void: the key was not active when it was sealed", "无效：封存时密钥未生效"),
    "foreign": ("void: it concerns other parties", "无效：与该主体无关"),
    "issuedAhead": ("void: issued after it was sealed", "无效：出具时间晚于封存时间"),
    "unfounded": ("void: no contract or consent lets it into this history", "无效：缺少合同或同意作为依据"),
    "misfit": ("void: it does not fit what it answers", "无效：与其所回应的证据不符"),
    "malformed": ("void: its content is not of its form", "无效：内容不符合格式"),
}

_FIELDS: Mapping[str, str] = {
    "contractNumber": "合同编号",
    "issuerRole": "出具方角色",
    "currency": "币种",
    "paymentTermsDays": "付款期限（天）",
    "totalAmount": "总金额",
    "effectiveDate": "生效日期",
    "expiryDate": "到期日期",
    "title": "标题",
    "documents": "文件",
    "deliveryNumber": "交货单号",
    "receivedDate": "收货日期",
    "deliveredValue": "交货金额",
    "carrier": "承运人",
    "trackingNumber": "运单号",
    "invoiceNumber": "发票号码",
    "issueDate": "开具日期",
    "dueDate": "到期日",
    "payableAmount": "应付金额",
    "taxAmount": "税额",
    "orderNumber": "订单号",
    "paymentReference": "付款参考号",
    "valueDate": "起息日",
    "amount": "金额",
    "allocations": "分配",
    "method": "付款方式",
    "endToEndId": "端到端标识",
    "note": "备注",
    "acceptedAmount": "认可金额",
    "acceptedQuantity": "认可数量",
    "reasonCode": "原因代码",
    "disputedAmount": "争议金额",
    "description": "说明",
    "outcome": "结果",
    "creditAmount": "贷记金额",
    "creditNoteNumber": "贷项通知单号",
    "correctionType": "更正类型",
    "reason": "原因",
    "grantee": "被授权方",
    "granteeName": "被授权方名称",
    "recorder": "查看记录方",
    "validUntil": "有效期至",
    "accessScope": "查看范围",
    "accessedObject": "查看内容",
    "accessedOn": "查看日期",
    "accessedEvidence": "所查看的证据",
}

LIMITS: tuple[tuple[str, str], ...] = (
    (
        "Complete means complete with respect to what was sealed, not to what happened. Trade that nobody "
        "recorded is in "
        "no log.",
        "“完整”指已封存记录的完整，不代表实际发生的全部交易。无人记录的交易不在任何日志之中。",
    ),
    (
        "A signature proves who said something, not that it is true. Two parties that collude can sign what they like.",
        "签名只证明何人作出陈述，不证明陈述属实。串通的双方可以签署任何内容。",
    ),
    (
        "It speaks as of its block, and knows nothing of what was sealed later. How recent that is, is for you "
        "to judge.",
        "本证书仅反映截至该区块的情况，不涵盖其后封存的内容。时效是否足够，由您判断。",
    ),
    (
        "Whoever hands it over chose which fields to show. Hidden fields are named as hidden; a hidden field "
        "could change "
        "how an entry is judged.",
        "出示方自行选择披露哪些字段。隐藏的字段均已注明；隐藏的字段可能影响对记录效力的判断。",
    ),
    (
        "When something happened, and when it was written down, is its issuer's word. The time of a block is "
        "as honest as "
        "the chain's validators.",
        "事件的发生时间与记录时间均为出具方自述。区块时间的可信程度取决于该链的验证者。",
    ),
    (
        "Who is behind a party id, and that its keys are its own, is the registrar's word.",
        "主体标识对应的法律实体及其密钥的归属，以登记方的声明为准。",
    ),
    (
        "An invoice may have been pledged on paper or on another ledger; that is not seen here.",
        "发票可能已在纸面上或其他账本上质押，本证书无法反映。",
    ),
    (
        "The printed page proves nothing by itself: anybody can print one. Only the check does.",
        "打印件本身不构成证明，任何人都可以打印；只有核验才能证明。",
    ),
)

EVIDENCE_STEPS: tuple[tuple[str, str], ...] = (
    (
        "From a source you trust (a node of your own, or two public ones that agree), take the hash of block "
        "{number} on "
        "chain {chain}. It must be the as-of block hash above.",
        "从您信任的来源（自有节点，或两个结果一致的公共节点）取得链 {chain} 上区块 {number} 的哈希，"
        "应与上文“截至区块”的哈希一致。",
    ),
    (
        "Make sure that the ledger contract above is the one you rely on: ask the operator or the registrar. "
        "Anybody can "
        "deploy a copy.",
        "确认上述账本合约正是您所信赖的合约（可向封存方或登记方查询）。任何人都可以部署其副本。",
    ),
    (
        "Run: tallystick verify FILE --block-hash HASH --ledger LEDGER, where FILE is this PDF, or the file "
        "{file} that is "
        "attached to it. It needs neither network nor account.",
        "运行：tallystick verify 文件 --block-hash 哈希 --ledger 账本合约，其中“文件”为本 PDF 或其附件 {file}。"
        "无需网络或账户。",
    ),
    (
        "Without that program: from the fields to the content root, to the evidence id, to the entry leaf, the "
        "subject root, "
        "the batch root and the ledger's storage, each step is a hash of what stands in the file; "
        "docs/protocol.md gives "
        "each formula. A node can also be asked: EvidenceLedger.verifyInclusion.",
        "若不使用该程序：从字段到内容根、证据标识、条目叶、主体根、批次根直至账本存储，每一步均为对附件内容的哈希运算，"
        "公式见 docs/protocol.md。亦可向节点调用 EvidenceLedger.verifyInclusion。",
    ),
    (
        "Compare what the check prints with this page. Where they differ, the page is wrong.",
        "将核验结果与本页对照；如有不符，以核验结果为准。",
    ),
)

PARTY_STEPS: tuple[tuple[str, str], ...] = (
    EVIDENCE_STEPS[0],
    EVIDENCE_STEPS[1],
    (
        "Take the bundle {file}, attached or from whoever handed over this page. Its SHA-256 must be the one above.",
        "取得证明文件 {file}（本 PDF 的附件，或由出示方提供），其 SHA-256 应与上文一致。",
    ),
    (
        "Run: tallystick verify {file} --block-hash HASH --ledger LEDGER. It needs neither network nor "
        "account, checks every "
        "signature and derives every figure anew. docs/protocol.md is enough to write such a program yourself.",
        "运行：tallystick verify {file} --block-hash 哈希 --ledger 账本合约。无需网络或账户；"
        "该程序核验每一个签名并重新推导"
        "每一项数据。凭 docs/protocol.md 亦可自行编写核验程序。",
    ),
    EVIDENCE_STEPS[-1],
)


def say(key: str, language: str, **values: object) -> str:
    """The text for ``key`` in ``language`` (``en`` or ``zh``) with ``values`` in their places."""
    return pick(WORDS[key], language).format(**values)


def pick(pair: tuple[str, str], language: str) -> str:
    """The one of (English, Chinese) that ``language`` asks for."""
    return pair[1] if language == "zh" else pair[0]


def field_word(name: str, language: str) -> str:
    """The word for the field ``name``: invoiceNumber is ``invoice number``; an unknown one is left as it was signed."""
    if name not in _FIELDS:
        return name
    return _FIELDS[name] if language == "zh" else re.sub("[A-Z]", lambda capital: " " + capital[0].lower(), name)


FIELD_NAMES = frozenset(_FIELDS)
