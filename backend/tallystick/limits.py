"""How much one call may ask for, how often, and how long it may take: ``[limits]`` of ``tallystick.toml``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one call may ask for (what is above is refused, never cut off), and what receipts promise."""

    batch_subjects: int = 600
    """Parties whose logs one batch may touch: the first append to a new log costs some 26 k gas, and a transaction
    may not exceed 16,777,216 gas (EIP-7825)."""
    batch_evidence: int = 5_000
    """Evidence in one batch."""
    bundle_bytes: int = 256 * 1024 * 1024
    """Size of a bundle that is held in memory, unpacked."""
    bundle_file_bytes: int = 4 * 1024 * 1024 * 1024
    """Size of a bundle file that is read an append at a time, unpacked."""
    json_bytes: int = 16 * 1024 * 1024
    """Size of one JSON document, in a file or a request."""
    document_bytes: int = 100 * 1024 * 1024
    """Size of one attached document."""
    csv_rows: int = 1_000_000
    """Rows of one imported file."""
    requests_per_minute: int = 6_000
    """Requests of one API key to one server, on average; ten seconds' worth of them may come at once."""
    anonymous_requests_per_minute: int = 120
    """The same of one address, of what needs no key: to sign in, and to read the OpenAPI document."""
    request_seconds: int = 60
    """How long an answer may take to begin."""
    file_seconds: int = 3_600
    """The same where whole files are read or made: imports, documents, bundles, certificates, many evidence at once."""
    seal_within_seconds: int = 172_800
    """By when the operator promises to have sealed what it accepts. Two days: a home that is sealed once a day keeps
    that with a day to spare for a node that is down, fees and finality; what is promised for later is worth little."""
