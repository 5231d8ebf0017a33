"""The sentences of a bank import, in English and Simplified Chinese: why a booking needs a person, and what to do.

A sentence is made of the facts of its line: ``{paid}``, ``{open}``, ``{stated}``, ``{short}``, ``{over}``, ``{names}``,
``{currencies}``, ``{evidence}``.
"""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.intake.bank.cases import Reason, Rule
from tallystick.intake.bank.records import Finding, FindingCode
from tallystick.service.phrases import Phrases

_REASONS = Phrases[Reason](
    {
        Reason.NO_INVOICE: ("no invoice is open in its currency", "该币种没有未结发票"),
        Reason.NO_MATCH: ("it names no invoice, and none fits", "未注明发票，也没有相符的发票"),
        Reason.UNKNOWN_REFERENCE: ("it names what is not all recorded: {names}", "所注明的单据未全部记录：{names}"),
        Reason.AMBIGUOUS: ("several invoices fit equally", "有多张发票同样相符"),
        Reason.CONTENDED: ("several payments fit the same invoice", "有多笔款项与同一张发票相符"),
        Reason.CONTRADICTORY: (
            "its document number and its reference name different invoices",
            "其单据号与付款参考号指向不同的发票",
        ),
        Reason.SEVERAL_PAYERS: ("it names invoices of several counterparties", "所注明的发票属于多个交易对手"),
        Reason.OTHER_PAYER: (
            "it names an invoice of one party, and another known party paid it",
            "所注明发票的付款方与实际付款的已知主体不一致",
        ),
        Reason.NOTHING_OPEN: (
            "what it names is paid, credited or cancelled already",
            "所注明的发票已付清、已冲减或已取消",
        ),
        Reason.SHORT_FOR_SEVERAL: (
            "it is for several invoices, and nothing says which of them is short: {paid} of {open}",
            "款项涉及多张发票，但无法判断哪一张未付足：已付 {paid}，应付 {open}",
        ),
        Reason.SHARES_DIFFER: (
            "the parts that the payer states add up to {stated}, the payment is {paid}",
            "付款方注明的各部分合计 {stated}，款项为 {paid}",
        ),
        Reason.OTHER_CURRENCY: (
            "the invoices that it names are in {currencies}, and what arrived in that is not stated",
            "所注明的发票币种为 {currencies}，银行未说明折算后的到账金额",
        ),
        Reason.UNSURE: ("something fits, but not surely enough", "有相符之处，但不足以确定"),
        Reason.SHORT: ("recorded; {short} of the invoice stays open", "已记录；发票仍有 {short} 未付"),
        Reason.DISCOUNT: (
            "recorded; the payer took a discount of {short}, which stays open",
            "已记录；付款方自行扣除折扣 {short}，该金额仍未付",
        ),
        Reason.OVERPAID: ("recorded; {over} is more than was open, and unapplied", "已记录；多付 {over}，尚未核销"),
        Reason.TOTALS_DIFFER: (
            "the transactions of its entry do not add up to the entry",
            "该分录的各笔交易合计与分录金额不符",
        ),
        Reason.PERHAPS_RECORDED: (
            "a payment like it is recorded: {evidence}; the bank's file does not tell whether it is the same",
            "已有相似的付款记录：{evidence}；银行文件无法判断是否为同一笔",
        ),
        Reason.SEVERAL_CLAIMS: (
            "recorded; several payments that the buyer claims may be this one: {claims}",
            "已记录；买方声称的多笔付款都可能是这一笔：{claims}",
        ),
        Reason.NO_ORIGINAL: ("it takes back a payment that is not recorded here", "它退回的款项在此没有记录"),
        Reason.SEVERAL_ORIGINALS: ("it takes back one of several payments", "它退回的款项可能是多笔中的任何一笔"),
        Reason.RETURNED_MORE: ("it takes back more than was recorded", "退回金额大于已记录的金额"),
    }
)

_TODO = Phrases[Reason](
    {
        Reason.NO_INVOICE: (
            "If it pays an invoice, record the invoice and import the statement again.",
            "如为发票付款，请先记录该发票，再重新导入对账单。",
        ),
        Reason.NO_MATCH: (
            "Ask the payer what it is for; then state the payment with `tallystick record`.",
            "向付款方核实用途，然后用 `tallystick record` 记录付款。",
        ),
        Reason.UNKNOWN_REFERENCE: (
            "Record the missing invoice and import again; or ask the payer.",
            "记录缺少的发票后重新导入；或向付款方核实。",
        ),
        Reason.AMBIGUOUS: (
            "Choose the invoice, and state the payment with `tallystick record`.",
            "选定发票，用 `tallystick record` 记录付款。",
        ),
        Reason.CONTENDED: (
            "Ask the payer which payment is for it, and what the other one is for.",
            "向付款方核实哪一笔用于该发票，另一笔作何用途。",
        ),
        Reason.CONTRADICTORY: ("Ask the payer which of the two is meant.", "向付款方核实指的是哪一张。"),
        Reason.SEVERAL_PAYERS: (
            "State one payment for each counterparty with `tallystick record`.",
            "用 `tallystick record` 为每个交易对手分别记录付款。",
        ),
        Reason.OTHER_PAYER: (
            "If it pays for the other, state the payment with `tallystick record`; else ask.",
            "如系代付，用 `tallystick record` 记录付款；否则请核实。",
        ),
        Reason.NOTHING_OPEN: (
            "If it is money paid twice, pay it back or agree what it is for.",
            "如为重复付款，请退款或与对方商定用途。",
        ),
        Reason.SHORT_FOR_SEVERAL: (
            "Ask the payer how it is to be divided, and state it with `tallystick record`.",
            "向付款方核实如何分配，再用 `tallystick record` 记录。",
        ),
        Reason.SHARES_DIFFER: (
            "Ask the payer how it is to be divided, and state it with `tallystick record`.",
            "向付款方核实如何分配，再用 `tallystick record` 记录。",
        ),
        Reason.OTHER_CURRENCY: (
            "State what arrived, in the invoice's currency, with `tallystick record`.",
            "按发票币种的到账金额用 `tallystick record` 记录。",
        ),
        Reason.UNSURE: (
            "If it is one of these, state the payment with `tallystick record`.",
            "如确属其中之一，用 `tallystick record` 记录付款。",
        ),
        Reason.SHORT: (
            "Ask for the rest, or credit it: a CORRECTION of type credited.",
            "催收余额，或出具贷项（credited 类型的 CORRECTION）。",
        ),
        Reason.DISCOUNT: (
            "If it was agreed, credit it: a CORRECTION of type credited; else ask for it.",
            "如已约定，出具贷项（credited 类型的 CORRECTION）；否则催收。",
        ),
        Reason.OVERPAID: (
            "Pay it back, or agree which invoice it is for and correct the payment.",
            "退还多付款项，或与对方商定用途并更正该付款。",
        ),
        Reason.TOTALS_DIFFER: ("Ask the bank for a right file.", "向银行索取正确的文件。"),
        Reason.PERHAPS_RECORDED: (
            "If it is another payment, state it with `tallystick record`.",
            "如为另一笔付款，用 `tallystick record` 记录。",
        ),
        Reason.SEVERAL_CLAIMS: (
            "Ask the buyer which one, and name it in samePayment of a CORRECTION; acknowledge none of them.",
            "向买方核实是哪一笔，并在更正（CORRECTION）的 samePayment 中注明；不要确认其中任何一笔。",
        ),
        Reason.NO_ORIGINAL: (
            "If the payment was recorded by hand, state its CORRECTION with `tallystick record`.",
            "如该付款是手工记录的，用 `tallystick record` 记录其更正（CORRECTION）。",
        ),
        Reason.SEVERAL_ORIGINALS: (
            "Ask the bank which one, and state its CORRECTION with `tallystick record`.",
            "向银行核实是哪一笔，再用 `tallystick record` 记录其更正（CORRECTION）。",
        ),
        Reason.RETURNED_MORE: (
            "Look at the payment of that reference, and correct it with `tallystick record`.",
            "核对该参考号的付款，用 `tallystick record` 更正。",
        ),
    }
)

_RULES = Phrases[Rule](
    {
        Rule.STRUCTURED_REFERENCE: ("reference", "结构化参考号"),
        Rule.DOCUMENT_NUMBER: ("document number", "单据号"),
        Rule.NUMBER_IN_TEXT: ("number in text", "附言中的号码"),
        Rule.END_TO_END_ID: ("end-to-end id", "端到端标识"),
        Rule.AMOUNT_AND_PARTY: ("sum and party", "金额与主体"),
        Rule.SAME_AMOUNT: ("same sum", "金额相同"),
        Rule.SAME_NAME: ("same name", "名称相同"),
    }
)

_FINDINGS = Phrases[FindingCode](
    {
        FindingCode.TRANSACTIONS_OF_ENTRY: (
            "its transactions add up to {found}, the entry is {stated}",
            "各笔合计 {found}，分录为 {stated}",
        ),
        FindingCode.UNDIVIDED_ENTRY: (
            "{found}: the entry of {stated} can't be taken apart",
            "{found}：无法拆分 {stated} 的分录",
        ),
        FindingCode.BATCH_TOTAL: (
            "the batch states {stated}, the entry is {found}",
            "批次标明 {stated}，分录为 {found}",
        ),
        FindingCode.BATCH_COUNT: (
            "the batch states {stated} transactions, it has {found}",
            "批次标明 {stated} 笔，实有 {found} 笔",
        ),
        FindingCode.ENTRIES_COUNT: (
            "{stated} entries are stated, there are {found}",
            "标明 {stated} 条分录，实有 {found} 条",
        ),
        FindingCode.ENTRIES_SUM: (
            "the entries should sum to {stated}, they sum to {found}",
            "分录总额标明 {stated}，实为 {found}",
        ),
        FindingCode.ENTRIES_NET: (
            "the net of the entries should be {stated}, it is {found}",
            "分录净额标明 {stated}，实为 {found}",
        ),
        FindingCode.CREDITS_COUNT: (
            "{stated} credits are stated, there are {found}",
            "标明 {stated} 条贷方分录，实有 {found} 条",
        ),
        FindingCode.CREDITS_SUM: (
            "the credits should sum to {stated}, they sum to {found}",
            "贷方总额标明 {stated}，实为 {found}",
        ),
        FindingCode.DEBITS_COUNT: (
            "{stated} debits are stated, there are {found}",
            "标明 {stated} 条借方分录，实有 {found} 条",
        ),
        FindingCode.DEBITS_SUM: (
            "the debits should sum to {stated}, they sum to {found}",
            "借方总额标明 {stated}，实为 {found}",
        ),
        FindingCode.BALANCE: (
            "the closing balance should be {found}, it is {stated}",
            "期末余额应为 {found}，标明为 {stated}",
        ),
    }
)


def why(reason: Reason, facts: Mapping[str, str], language: str = "en") -> str:
    """Why a booking is on the work list, as the rest of a sentence in ``language`` (``en`` or ``zh``)."""
    return _REASONS.say(reason, language, facts)


def todo(reason: Reason, language: str = "en") -> str:
    """What to do about a booking that is on the work list for ``reason``."""
    return _TODO.say(reason, language)


def rule_word(rule: Rule, language: str = "en") -> str:
    """By what an invoice was found."""
    return _RULES.say(rule, language)


def finding_says(finding: Finding, language: str = "en") -> str:
    """``finding`` as a sentence that names both figures."""
    said = _FINDINGS.say(finding.code, language, {"stated": finding.stated, "found": finding.found})
    if finding.entry is None:
        return said
    return f"分录 {finding.entry}：{said}" if language == "zh" else f"entry {finding.entry}: {said}"
