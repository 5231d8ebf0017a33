"""What SQLAlchemy and the database raise, as errors of this package.

Whether something is taken is looked up before it is written, so that the error can name it. What the database still
refuses comes here: two processes that wrote the same thing at once, a full disk, a lost connection.

- PostgreSQL is understood by its SQLSTATE (its manual, appendix A): the text is in the language of its installation;
- a transaction that fails before its commit is not kept, a lost connection included. A connection that is lost
  *during* the commit leaves it open which: nobody but the database knows, and the error says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from tallystick.errors import Duplicate, NotFound, StoreError, StoreUnavailable, TallystickError

_NOT_KEPT = "nothing of this transaction was kept"
_UNAVAILABLE = exc.OperationalError | exc.TimeoutError | exc.InterfaceError

_ADVICE = {
    "25P03": f"The program did nothing for too long inside a transaction; {_NOT_KEPT}: try again.",
    "40001": f"Another transaction wrote the same rows at the same time; {_NOT_KEPT}: try again.",
    "40P01": f"Two transactions waited for each other, and this one gave way; {_NOT_KEPT}: try again.",
    "42501": "Let the owner of the database grant this role what it needs: see docs/operations.md.",
    "53100": f"Make room on the disk of the database, then try again: {_NOT_KEPT}.",
    "53300": "End other programs that use this database, or raise its max_connections; then try again.",
    "55P03": f"Another process is writing: wait until it is done, then try again; {_NOT_KEPT}.",
    "57014": f"The statement took too long, or an administrator cancelled it; {_NOT_KEPT}: try again when it is quiet.",
}
"""What to do, by SQLSTATE."""

_TRANSIENT = frozenset({"25P03", "40001", "40P01", "55P03", "57014"})
"""Failures that may not happen again, whatever class the driver gives them."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Whatever SQLAlchemy raises inside, as an error that names ``place`` (the database, without its password)."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise failure(error, place) from error


def failure(error: exc.SQLAlchemyError, place: str) -> TallystickError:
    """The error of this package that says what ``error``, met while working on ``place``, means for the user."""
    cause = _cause(error)
    state = sqlstate(error)
    if isinstance(error, exc.IntegrityError):
        if state == "23503" or "foreign key" in cause.lower():
            return NotFound(f"The database {place} holds nothing by that name: {cause}.")
        return Duplicate(
            f"Expected values that nothing else uses, got one that is taken: {cause}.",
            todo="Another process recorded it in the meantime: read it, and try again if it is not the same.",
        )
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailable(
            f"The database {place}: expected a free connection, got none in time: {cause}.",
            todo=f"Ask again when fewer requests are under way; {_NOT_KEPT}.",
        )
    if isinstance(error, _UNAVAILABLE) or is_lost(error) or state in _TRANSIENT:
        todo = _ADVICE.get(state or "") or _advice(cause.lower())
        return StoreUnavailable(f"The database {place} did not do its work: {cause}.", todo=todo)
    return StoreError(f"The database {place} refused: {cause}.", todo=_ADVICE.get(state or "", ""))


def commit_failure(error: exc.SQLAlchemyError, place: str) -> TallystickError:
    """The error of this package for ``error``, met while committing to ``place``."""
    if not is_lost(error):
        return failure(error, place)
    return StoreUnavailable(
        f"The database {place}: the connection was lost during the commit ({_cause(error)}). This transaction was kept "
        "as a whole or not at all, and it is not known which.",
        todo="When the database can be reached again, look whether it is there before you repeat it.",
    )


def is_lost(error: exc.SQLAlchemyError) -> bool:
    """Whether ``error`` means that the connection is gone."""
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


def sqlstate(error: exc.SQLAlchemyError) -> str | None:
    """The five characters by which PostgreSQL names what went wrong; None from SQLite, and where the server is gone."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _cause(error: exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")


def _advice(cause: str) -> str:
    if "locked" in cause or "busy" in cause:
        return "Another process is writing: wait until it is done, then try again."
    if "full" in cause or "space" in cause:
        return f"Make room on the disk, then try again: {_NOT_KEPT}."
    if "unable to open" in cause:
        return "Check that the directory exists and that you may write in it."
    if "readonly" in cause or "read-only" in cause:
        return "Check that you may write to the database."
    return (
        "Check that the database runs and can be reached, and that user and password are right; then try again: "
        f"{_NOT_KEPT}."
    )
