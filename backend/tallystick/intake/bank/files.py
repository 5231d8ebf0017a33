"""Bank messages as people have them: a file, or a ZIP file of several.

Example: ``read_messages("january.zip", data)[0].statements``.
"""

from __future__ import annotations

from tallystick.errors import MalformedInput
from tallystick.intake.archives import is_zip, members
from tallystick.intake.bank.camt import read_message
from tallystick.intake.bank.records import Message

MAX_BOOKINGS = 250_000
"""In one archive: each takes some 3 kB of memory, however well it was packed."""


def read_messages(name: str, data: bytes) -> list[Message]:
    """The camt.053 and camt.054 messages of the file ``name`` that holds ``data``, or of every file in it.

    Raises:
        MalformedInput: one of them is none, or the archive holds nothing, or too much; names the file.
    """
    if not is_zip(data):
        return [_read(name, data)]
    read, bookings = [], 0
    for info, inside in members(data):
        message = _read(f"{name}/{info.filename}", inside)
        read.append(message)
        bookings += sum(len(entry.transactions) for each in message.statements for entry in each.entries)
        if bookings > MAX_BOOKINGS:
            raise MalformedInput(
                f"{name}: expected at most {MAX_BOOKINGS} bookings in one archive, got more.", todo="Split it."
            )
    if not read:
        raise MalformedInput(f"{name}: expected a bank statement, got an archive of nothing.")
    return read


def _read(name: str, data: bytes | MalformedInput) -> Message:
    try:
        if isinstance(data, MalformedInput):
            raise data
        return read_message(data, name)
    except MalformedInput as error:
        raise MalformedInput(f"{name}: {error.message}", todo=error.todo) from error
