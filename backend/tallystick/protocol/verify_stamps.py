"""The step of the verifier that looks at time-stamps: each is of the batch root that its append leads to.

Rules:

- a time-stamp of something else, or one that is none, is a failure of step ``timestamp``, whatever the reader trusts:
  it claims what is not so;
- whether the authority really signed is judged by the reader's root certificates. Without any, or where nothing leads
  to them, it was not checked, and the verdict says so: that is never a failure;
- nothing else rests on time-stamps, so that this step is the last.

Source: protocol section 18.
"""

from __future__ import annotations

from tallystick.errors import MalformedInput
from tallystick.protocol.bundle import BundleAppend
from tallystick.protocol.stamps import is_stamp_of
from tallystick.protocol.types import PartyId, to_hex
from tallystick.protocol.verdict import CheckToken, Outcome, Stamps, Step
from tallystick.protocol.verify_state import Run, StepFailedError

NO_ROOTS = "no root certificates were given to check it by"
OTHER_HASH = "its hash is none of SHA-256, SHA-384 and SHA-512"


class StampRun:
    """What the time-stamps of the appends that were looked at so far come to."""

    def __init__(self, subject: PartyId, check_token: CheckToken | None) -> None:
        self.found = Stamps()
        self._subject = subject
        self._check_token = check_token
        self._failure: str | None = None

    def add(self, item: BundleAppend) -> None:
        """Look at the time-stamp of ``item``, if it has one."""
        self.found.appends += 1
        if item.stamp is None:
            return
        self.found.carried += 1
        if self._failure is None and (problem := self._problem(item)) is not None:
            operator = to_hex(item.append.operator)
            self._failure = f"batch {item.append.batch_id} of operator {operator}: its time-stamp {problem}"

    def finish(self, run: Run) -> None:
        """Run the step. Raises ``StepFailedError``; notes it as passed only where all that is carried is valid."""
        if self._failure is not None:
            raise StepFailedError(Step.TIMESTAMP, self._failure)
        if self.found.carried and self.found.valid == self.found.carried:
            run.passed.append(Step.TIMESTAMP)

    def _problem(self, item: BundleAppend) -> str | None:
        assert item.stamp is not None, "it carries one"
        root = item.stamp.batch_root(self._subject, item.append)
        try:
            is_of_root = is_stamp_of(item.stamp.token, root)
        except MalformedInput as error:
            return f"is none: {error.message}"
        if is_of_root is False:
            return f"is of something else than its batch root {to_hex(root)}"
        if is_of_root is None or self._check_token is None:
            self._not_checked(OTHER_HASH if is_of_root is None else NO_ROOTS)
            return None
        finding = self._check_token(item.stamp.token, root)
        if finding.outcome is Outcome.INVALID:
            return f"does not hold: {finding.message}"
        if finding.outcome is Outcome.UNCHECKED:
            self._not_checked(finding.message)
            return None
        self.found.valid += 1
        if finding.at is not None:
            self.found.latest = max(self.found.latest or finding.at, finding.at)
        return None

    def _not_checked(self, why: str) -> None:
        self.found.unchecked = self.found.unchecked or why


def stamp_caveats(found: Stamps) -> list[str]:
    """What the reader must know of the time-stamps of a bundle."""
    said = []
    if unchecked := found.carried - found.valid:
        said.append(
            f"time-stamp not checked, of {unchecked} appends: {found.unchecked}; nothing here rests on it, give the "
            "authority's root certificates with --timestamp-roots to check it"
        )
    if found.carried and (without := found.appends - found.carried):
        said.append(
            f"{without} of {found.appends} appends carry no time-stamp: of these the block's time is all there is"
        )
    return said
