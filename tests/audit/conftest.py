"""One small audited ledger for all tests that only look, or that change what they put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.installation import Installation, imported, made_up_lines


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    """Three customers, twelve invoices, sealed in small batches and exported."""
    with imported(tmp_path / "home", made_up_lines(12, 3), batch_evidence=15) as made:
        made.export()
        yield made
