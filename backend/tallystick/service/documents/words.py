"""The sentences of a document import, in English and Simplified Chinese: what became of a document, and what to do.

A sentence is made of the facts of its outcome: ``{number}``, ``{name}``, ``{identifier}``, ``{one}``, ``{other}``,
``{recorded}``, ``{code}``, ``{currency}``, ``{element}``, ``{count}``.
"""

from __future__ import annotations

from tallystick.intake.readers import RowsRead
from tallystick.service.documents.outcomes import Outcome, Reason, Status
from tallystick.service.phrases import Phrases
from tallystick.store.waiting_records import WaitingDocument

_STATUS = Phrases[Status](
    {
        Status.RECORDED: ("recorded", "已记录"),
        Status.KNOWN: ("known already", "此前已记录"),
        Status.WAITS: ("waits", "待补充"),
        Status.HELD: ("held back", "待人工处理"),
        Status.REFUSED: ("refused", "未接受"),
    }
)

_DOCUMENTS = Phrases[str](
    {
        "Order": ("order", "订单"),
        "OrderResponse": ("order response", "订单答复"),
        "DespatchAdvice": ("despatch advice", "发货通知"),
        "ReceiptAdvice": ("receipt advice", "收货通知"),
        "Invoice": ("invoice", "发票"),
        "CreditNote": ("credit note", "贷项通知"),
        "InvoiceResponse": ("invoice response", "发票答复"),
        "Remittance": ("remittance advice", "汇款通知"),
        "BankStatement": ("bank statement", "银行对账单"),
    }
)

_ROWS = Phrases({"read": ("{file}: read as {as}, by the mapping {mapping}", "{file}：按 {as} 读取，映射为 {mapping}")})

_REASONS = Phrases[Reason](
    {
        Reason.NO_ORDER: ("the order {number} is not recorded", "订单 {number} 未记录"),
        Reason.NO_INVOICE: ("the invoice {number} is not recorded", "发票 {number} 未记录"),
        Reason.NO_RECEIPT: ("it does not say when the goods arrived", "未注明货物送达日期"),
        Reason.NO_TERMS: (
            "nothing says within how many days order {number} is to be paid",
            "订单 {number} 未注明付款天数",
        ),
        Reason.NO_DUE_DATE: ("it has no due date: {element} is missing", "没有到期日：缺少 {element}"),
        Reason.NOT_COUNTERSIGNED: ("the contract {number} awaits a signature", "合同 {number} 等待对方签名"),
        Reason.NOT_AGREED: (
            "the seller did not take order {number} as it is ({code}): the contract stays unsigned",
            "卖方未按原样接受订单 {number}（{code}）：合同仍未签署",
        ),
        Reason.NO_CONTRACT: ("there is no contract between {one} and {other}", "{one} 与 {other} 之间没有合同"),
        Reason.SEVERAL_CONTRACTS: (
            "there are {count} contracts between {one} and {other}, and it names none of them",
            "{one} 与 {other} 之间有 {count} 份合同，单据未注明是哪一份",
        ),
        Reason.UNKNOWN_PARTY: ("{name} ({identifier}) is not registered here", "{name}（{identifier}）未在此登记"),
        Reason.SAME_NAME: (
            "a party is called {name}, but {identifier} is not one of its identifiers",
            "有名为 {name} 的主体，但 {identifier} 不是其标识",
        ),
        Reason.TWO_PARTIES: (
            "its identifiers are those of two parties: {byOne} of {one}, {byOther} of {other}",
            "其标识属于两个主体：{byOne} 属于 {one}，{byOther} 属于 {other}",
        ),
        Reason.ONE_PARTY: ("both sides are {name}", "双方均为 {name}"),
        Reason.NO_KEY: (
            "{name} states it, and no key of it is managed here",
            "该单据由 {name} 出具，但其密钥不在此管理",
        ),
        Reason.NOT_ASKED: (
            "{name} states it, and this import signs for others only",
            "该单据由 {name} 出具，此次导入不代其签名",
        ),
        Reason.OTHER_PARTY: (
            "{number} is not between {name} and the other side",
            "{number} 并非 {name} 与对方之间的单据",
        ),
        Reason.SELF_REPORTED: (
            "the invoice {number} is self-reported: nobody was named who could answer it",
            "发票 {number} 为单方自报：未指明可以答复的一方",
        ),
        Reason.CANCELLED: ("the invoice {number} is cancelled", "发票 {number} 已取消"),
        Reason.OTHER_CURRENCY: (
            "the invoice {number} is in another currency than {currency}",
            "发票 {number} 的币种不是 {currency}",
        ),
        Reason.NOTHING_OWED: ("the invoice {number} bills nothing", "发票 {number} 金额为零"),
        Reason.DIFFERS: (
            "{number} is recorded already, and says something else: {recorded}",
            "{number} 已有记录，但内容不同：{recorded}",
        ),
        Reason.SEVERAL_RECEIPTS: (
            "several payments that {name} says it received may be the one of {number}: {recorded}",
            "{name} 已记录的多笔收款都可能是 {number} 所指的付款：{recorded}",
        ),
        Reason.ALIKE: (
            "it is suspiciously like an invoice that is recorded: {recorded}",
            "与已记录的发票可疑地相似：{recorded}",
        ),
    }
)

_TODO = Phrases[Reason](
    {
        Reason.NO_ORDER: ("Import the order: this one is kept till then.", "请导入订单；此单据已保留，届时自动处理。"),
        Reason.NO_INVOICE: (
            "Import the invoice: this one is kept till then.",
            "请导入发票；此单据已保留，届时自动处理。",
        ),
        Reason.NO_RECEIPT: (
            "Import the buyer's receipt advice: this one is kept till then.",
            "请导入买方的收货通知；此单据已保留，届时自动处理。",
        ),
        Reason.NO_TERMS: (
            "Import the invoice: this one is kept till then; or give --terms-days.",
            "请导入发票，此单据已保留；或给出 --terms-days。",
        ),
        Reason.NO_DUE_DATE: ("Give --terms-days, or import the order first.", "请给出 --terms-days，或先导入订单。"),
        Reason.NOT_COUNTERSIGNED: (
            "Import the seller's order response, or use `tallystick countersign`.",
            "请导入卖方的订单答复，或使用 `tallystick countersign`。",
        ),
        Reason.NOT_AGREED: (
            "Agree, and import the new order; or record the contract with `tallystick record`.",
            "请协商后导入新订单，或用 `tallystick record` 记录合同。",
        ),
        Reason.NO_CONTRACT: (
            "Import the order and its acceptance, or record a CONTRACT with `tallystick record`.",
            "请导入订单及其接受答复，或用 `tallystick record` 记录合同（CONTRACT）。",
        ),
        Reason.SEVERAL_CONTRACTS: (
            "Record it with `tallystick record`, naming the deal.",
            "请用 `tallystick record` 记录，并指明交易（deal）。",
        ),
        Reason.UNKNOWN_PARTY: (
            "Register it with `tallystick party add NAME --id {identifier}`, or give it to a party with "
            "`tallystick party identify PARTY --identifier {identifier}`; then `tallystick import retry`.",
            "请用 `tallystick party add NAME --id {identifier}` 登记，或用 "
            "`tallystick party identify PARTY --identifier {identifier}` 添加为现有主体的标识；"
            "然后 `tallystick import retry`。",
        ),
        Reason.SAME_NAME: (
            "A name names nobody. If it is the same: `tallystick party identify PARTY --identifier {identifier}`, "
            "then `tallystick import retry`; else ask for a document with a registered identifier.",
            "名称不能确定主体。若为同一公司：`tallystick party identify PARTY --identifier {identifier}`，然后 "
            "`tallystick import retry`；否则请索取带有已登记标识的单据。",
        ),
        Reason.TWO_PARTIES: ("Ask the sender which of them is right.", "请向发送方核实哪一个正确。"),
        Reason.ONE_PARTY: ("Ask the sender for the right identifiers.", "请向发送方索取正确的标识。"),
        Reason.NO_KEY: ("Have it import the document in its own home.", "请由其在自己的环境中导入该单据。"),
        Reason.NOT_ASKED: ("Import it for that party too, if it is its own.", "若确为该主体的单据，请同时为其导入。"),
        Reason.OTHER_PARTY: ("Ask the sender which document it means.", "请向发送方核实所指单据。"),
        Reason.SELF_REPORTED: (
            "Record a contract with the buyer; invoices recorded after it can be answered.",
            "请与买方记录合同；此后记录的发票方可答复。",
        ),
        Reason.CANCELLED: ("Ask the sender which invoice it means.", "请向发送方核实所指发票。"),
        Reason.OTHER_CURRENCY: (
            "Ask the sender for the amount in the invoice's currency.",
            "请索取以发票币种表示的金额。",
        ),
        Reason.NOTHING_OWED: ("There is nothing to dispute.", "没有可争议的金额。"),
        Reason.DIFFERS: (
            "Find out which is right; state a CORRECTION with `tallystick record`.",
            "请核实哪一个正确；用 `tallystick record` 记录更正（CORRECTION）。",
        ),
        Reason.SEVERAL_RECEIPTS: (
            "The receipts count already. To tie it to one of them, name that in samePayment with `tallystick record`.",
            "无需处理：收款已计入。如需对应其中一笔，用 `tallystick record` 在 samePayment 中注明。",
        ),
        Reason.ALIKE: (
            "Find out whether it is the same; if it is another one, import it with --allow-similar, "
            "or record it with `tallystick record`.",
            "请核实是否为同一张；若为另一张，请用 --allow-similar 导入，或用 `tallystick record` 记录。",
        ),
    }
)


def status_word(status: Status, language: str = "en") -> str:
    """How far a document came."""
    return _STATUS.say(status, language)


def document_word(document: str | None, language: str = "en") -> str:
    """What kind of document it is; empty where it is none."""
    return "" if document is None else _DOCUMENTS.say(document, language)


def why(outcome: Outcome, language: str = "en") -> str:
    """Why a document is not recorded, as the rest of a sentence; empty where it is. An error speaks English."""
    if outcome.error is not None:
        return outcome.error.message
    return "" if outcome.reason is None else _REASONS.say(outcome.reason, language, outcome.facts)


def todo(outcome: Outcome, language: str = "en") -> str:
    """What to do about a document that is not recorded; empty where nothing is to do."""
    if outcome.error is not None:
        return outcome.error.todo
    return "" if outcome.reason is None else _TODO.say(outcome.reason, language, outcome.facts)


def waits_for(waiting: WaitingDocument, language: str = "en") -> tuple[str, str]:
    """Why a document waits, and what to do."""
    reason = Reason(waiting.reason)
    return _REASONS.say(reason, language, waiting.facts), _TODO.say(reason, language, waiting.facts)


def rows_read(file: str, rows: RowsRead, language: str = "en") -> str:
    """How the table ``file`` was read: its encoding and separator or sheet, and the mapping."""
    return _ROWS.say("read", language, {"file": file, "as": rows.read_as, "mapping": rows.mapping})
