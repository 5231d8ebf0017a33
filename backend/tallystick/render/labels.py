"""The words of the reports, in English and Simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")

_METRICS: Mapping[str, tuple[str, str]] = {
    "invoiceCount": ("invoices", "发票数"),
    "invoicedAmount": ("invoiced", "开票金额"),
    "settledCount": ("settled", "已结清"),
    "paymentIndex": ("payment index", "付款指数"),
    "daysBeyondTermsWeighted": ("days beyond terms (weighted)", "逾期天数（按金额加权）"),
    "daysBeyondTermsMean": ("days beyond terms (mean)", "逾期天数（平均）"),
    "daysToTermsWeighted": ("days to terms (weighted)", "相对到期日天数（加权）"),
    "daysToTermsMean": ("days to terms (mean)", "相对到期日天数（平均）"),
    "averageDaysToPay": ("average days to pay", "平均付款天数"),
    "onTimeRateByCount": ("on time, by count", "按时率（笔数）"),
    "onTimeRateByValue": ("on time, by value", "按时率（金额）"),
    "disputedCount": ("disputed", "争议发票数"),
    "disputeRateByCount": ("dispute rate, by count", "争议率（笔数）"),
    "disputeRateByValue": ("dispute rate, by value", "争议率（金额）"),
    "dilutionRate": ("dilution", "稀释率"),
    "writeOffRate": ("write-offs", "坏账核销率"),
    "daysSalesOutstanding": ("days sales outstanding", "应收账款周转天数"),
    "openAmount": ("open", "未付金额"),
    "overdueAmount": ("overdue", "逾期金额"),
    "disputedOpenAmount": ("open in dispute", "争议中未付金额"),
    "highCredit": ("high credit", "最高欠款余额"),
}

_WORDS: Mapping[str, tuple[str, str]] = {
    "asBuyer": ("as buyer: how it pays", "作为买方：付款表现"),
    "asSeller": ("as seller: how it is paid", "作为卖方：收款情况"),
    "complete": ("complete", "完整"),
    "incomplete": ("NOT complete: entries withheld", "不完整：有条目被扣留"),
    "entries": ("entries", "条记录"),
    "asOf": ("as of block", "截至区块"),
    "ageing": ("ageing by due date", "账龄（按到期日）"),
    "current": ("current", "未到期"),
    "d1to30": ("1-30", "1-30天"),
    "d31to60": ("31-60", "31-60天"),
    "d61to90": ("61-90", "61-90天"),
    "d91plus": ("91+", "91天以上"),
    "evidence": ("evidence", "证据"),
    "mutual": ("mutual", "双方确认"),
    "asserted": ("asserted", "单方主张"),
    "disputed": ("disputed", "有争议"),
    "selfReported": ("self-reported", "自行申报"),
    "tradelines": ("trade lines", "交易往来"),
    "counterparty": ("counterparty", "交易对手"),
    "role": ("role", "角色"),
    "buyer": ("buyer", "买方"),
    "seller": ("seller", "卖方"),
    "nothing": ("no invoices yet", "尚无发票"),
    "limits": (
        "Complete means complete with respect to what was sealed, not to what happened.",
        "“完整”指已封存记录的完整，不代表实际发生的全部交易。",
    ),
    "asBuyerShort": ("buyer", "买方"),
    "asSellerShort": ("seller", "卖方"),
    "fromBlock": ("from block", "自区块"),
    "toBlock": ("block", "至区块"),
    "newEntries": ("new entries", "条新记录"),
    "shownOtherwise": ("earlier entries show other fields", "条早前记录披露的字段不同"),
    "noChange": ("nothing changed", "无变化"),
    "figures": ("figures that changed", "变动的指标"),
    "invoiceChanges": ("invoices that changed", "变动的发票"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "invoice": ("invoice", "发票"),
    "change": ("change", "变动"),
    "because": ("because of", "原因"),
    "time": ("time alone", "仅因时间推移"),
    "new": ("new", "新增"),
    "gone": ("no longer counted", "不再计入"),
    "status": ("status", "状态"),
    "evidenceClass": ("by whose word", "证据类别"),
    "amount": ("amount", "金额"),
    "creditedAmount": ("credited", "贷项金额"),
    "paidAmount": ("paid", "已付金额"),
    "writtenOffAmount": ("written off", "核销金额"),
    "dueDate": ("due date", "到期日"),
    "isOverdue": ("overdue", "已逾期"),
    "paidDate": ("paid on", "付清日"),
    "cancelledCount": ("cancelled", "已取消"),
    "experienceCount": ("experiences", "付款经历数"),
    "unappliedAmount": ("unapplied cash", "未核销款项"),
    "claimedAmount": ("claimed, unconfirmed", "声称未确认金额"),
    "disputedOpenCount": ("open disputes", "未决争议数"),
    "witnessedShare": ("witnessed", "第三方见证比例"),
    "restsOnHidden": ("rests on hidden fields", "依赖未披露字段"),
    "stories": ("disputes, corrections and write-offs", "争议、更正与核销"),
    "hiddenFields": ("hidden fields", "个未披露字段"),
    "erased": ("erased on a lawful request", "已依法删除"),
    "erasedNote": (
        "entries whose content was erased on a lawful request: they count as hidden",
        "个条目的内容已依法删除，按未披露计",
    ),
    "hiddenNote": (
        "figures marked * rest on fields that the holder hides: they may be others in truth",
        "标 * 的指标依赖持有人未披露的字段，实际数值可能不同",
    ),
    "trend": ("trend by quarter of the due date", "按到期季度的趋势"),
}


_KINDS: Mapping[str, str] = {
    "CONTRACT": "合同",
    "DELIVERY": "交货",
    "INVOICE": "发票",
    "PAYMENT": "付款",
    "ACKNOWLEDGEMENT": "确认",
    "DISPUTE": "争议",
    "RESOLUTION": "争议处理",
    "CORRECTION": "更正",
    "WRITE_OFF": "核销",
    "CONSENT": "同意",
    "ACCESS": "访问授权",
    "ASSIGNMENT": "转让",
    "RELEASE": "解除",
    "SIGNAL": "信号",
    "PROFILE": "资料",
}


def kind_word(kind: str, language: str) -> str:
    """The word for an evidence's ``kind`` (its name in capitals); the name itself where there is none."""
    return _KINDS.get(kind, kind) if language == "zh" else kind.lower().replace("_", "-")


def word(key: str, language: str) -> str:
    """The word for ``key`` in ``language`` (``en`` or ``zh``)."""
    english, chinese = _METRICS.get(key) or _WORDS[key]
    return chinese if language == "zh" else english


METRICS = tuple(_METRICS)
"""The metrics in the order in which a report shows them."""
