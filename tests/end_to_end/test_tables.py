"""Tables of other people's programs: tried out, imported with what can be read, and the rest corrected."""

from __future__ import annotations

import datetime

from end_to_end.conftest import Shell
from intake.tables import table_files as made

BAD = made.row(Invoice="2", Amount="?")


def prepared(shell: Shell) -> None:
    shell.ok("init")
    (shell.folder / "mine.toml").write_text(made.MAPPING, encoding="utf-8")
    (shell.folder / "ledger.csv").write_bytes(made.csv_text(made.ROW, BAD).encode("cp1252"))


def test_without_a_file_for_rejected_rows_nothing_is_recorded(shell: Shell) -> None:
    """The first row that can't be read is named; so is a report that can't be written."""
    prepared(shell)
    message = shell.refused("import", "receivables", "ledger.csv", "--mapping", "mine.toml")
    assert "row 3, column 'Amount': expected an amount such as 1.250,00" in message
    command = ("import", "receivables", "ledger.csv", "--mapping", "mine.toml", "--rejected", "no/folder.csv")
    assert "no/folder.csv: can't be written" in shell.refused(*command, code=2)
    assert set(shell.json("status")["evidence"].values()) == {0}


def test_a_dry_run_says_what_would_happen_and_records_nothing(shell: Shell) -> None:
    """Encoding, separator, the rows as understood, and the rejected ones; also where nobody is registered yet."""
    prepared(shell)
    told = " ".join(shell.ok("import", "receivables", "ledger.csv", "--mapping", "mine.toml", "--dry-run").split())
    assert "read as Windows-1252, semicolon" in told
    assert "2 ERP:C1 611365 2026-01-02 2026-02-01 1250.50 EUR" in told
    assert "rows rejected: 1" in told
    assert "1 lines: 1 would be recorded, 0 known already" in told
    assert set(shell.json("status")["evidence"].values()) == {0}
    assert shell.lines("party", "list") == []


def test_rejected_rows_are_corrected_and_imported_from_their_report(shell: Shell) -> None:
    """The good rows first; then the report, corrected in place; a dry run afterwards knows them all."""
    prepared(shell)
    command = ("import", "receivables", "--mapping", "mine.toml", "--no-seal")
    first = shell.json(*command, "ledger.csv", "--rejected", "rejected.csv")
    assert (first["lines"], first["recorded"], first["readAs"]) == (1, 1, "Windows-1252, semicolon")
    assert [(each["row"], each["column"]) for each in first["rejected"]] == [(3, "Amount")]
    report = (shell.folder / "rejected.csv").read_text(encoding="utf-8-sig")
    (shell.folder / "corrected.csv").write_text(report.replace(",?,", ',"12,50",'), encoding="utf-8-sig")
    second = shell.json(*command, "corrected.csv")
    assert (second["recorded"], second["rejected"]) == (1, [])
    (shell.folder / "paid.csv").write_text(made.csv_text(made.row(Paid="15.01.2026"), made.row(Invoice="9")))
    again = shell.json(*command, "paid.csv", "--dry-run")
    assert (again["dryRun"], again["recorded"], again["known"], again["settled"], again["evidence"]) == (
        True,
        1,
        1,
        1,
        2,
    )
    done = shell.json(*command, "paid.csv")
    assert [done[name] for name in ("recorded", "known", "settled", "evidence")] == [1, 1, 1, 2]


def test_a_workbook_is_imported_like_its_csv(shell: Shell) -> None:
    """The same invoice, from another program: it is known already."""
    prepared(shell)
    command = ("import", "receivables", "--mapping", "mine.toml", "--no-seal")
    shell.ok(*command, "ledger.csv", "--rejected", "rejected.csv")
    day = datetime.date(2026, 1, 2)
    book = made.workbook(("C1", "", 611365, day, day + datetime.timedelta(days=30), 1250.5, None, None))
    (shell.folder / "ledger.xlsx").write_bytes(book)
    done = shell.json(*command, "ledger.xlsx")
    assert (done["lines"], done["known"], done["differing"], done["readAs"]) == (1, 1, [], "XLSX, sheet 'Ledger'")


def test_invoices_of_a_table_are_documents_like_any_other(shell: Shell) -> None:
    """`tallystick import` takes tables through a mapping that says who bills; an invoice without a due date is held."""
    prepared(shell)
    shell.ok("party", "add", "Supplier GmbH", "--id", f"VAT:{made.SELLER_VAT}")
    (shell.folder / "more.csv").write_text(made.csv_text(made.ROW, BAD, made.row(Invoice="3", Due="")))
    done = shell.json("import", "more.csv", "--mapping", "mine.toml")
    assert done["counts"] == {"recorded": 1, "known": 0, "waits": 0, "held": 1, "refused": 1}
    assert any("row 4, column 'Due'" in (each["why"] or "") for each in done["documents"])
    assert shell.json("import", "more.csv", "--mapping", "mine.toml", "--terms-days", "30")["counts"]["recorded"] == 1
