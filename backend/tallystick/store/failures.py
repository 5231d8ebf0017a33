"""What SQLAlchemy and the database raise, as errors of this package.

Whether something is taken is looked up before it is written, so that the error can name it. What the database still
refuses comes here: two processes that wrote the same thing at once, a full disk, a lost connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from tallystick.errors import Duplicate, NotFound, StoreError, StoreUnavailable, TallystickError


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Whatever SQLAlchemy raises inside, as an error that names ``place`` (the database, without its password)."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise failure(error, place) from error


def failure(error: exc.SQLAlchemyError, place: str) -> TallystickError:
    """The error of this package that says what ``error``, met while working on ``place``, means for the user."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if isinstance(error, exc.IntegrityError):
        if "foreign key" in cause.lower():
            return NotFound(f"The database {place} holds nothing by that name: {cause}.")
        return Duplicate(
            f"Expected values that nothing else uses, got one that is taken: {cause}.",
            todo="Another process recorded it in the meantime: read it, and try again if it is not the same.",
        )
    if isinstance(error, exc.OperationalError | exc.TimeoutError | exc.InterfaceError):
        return StoreUnavailable(f"The database {place} did not do its work: {cause}.", todo=_advice(cause.lower()))
    return StoreError(f"The database {place} refused: {cause}.")


def _advice(cause: str) -> str:
    if "locked" in cause or "busy" in cause:
        return "Another process is writing: wait until it is done, then try again."
    if "full" in cause or "space" in cause:
        return "Make room on the disk, then try again: nothing of this transaction was kept."
    if "unable to open" in cause:
        return "Check that the directory exists and that you may write in it."
    if "readonly" in cause or "read-only" in cause:
        return "Check that you may write to the database."
    return "Check that the database runs and can be reached, then try again: nothing of this transaction was kept."
