"""The program: its commands by name, each imported when it is asked for, and its exit codes.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage; ``verify``: 0 valid, 1 invalid, 2 usage, 3 could not check;
``audit replay``: 0 nothing found, 1 faults, 2 usage, 3 could not check everything;
``receipt check``: 0 kept or not due, 1 late, broken or invalid, 2 usage, 3 could not check.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from tallystick.cli.output import EXIT_FAILED, EXIT_USAGE, messages, print_error
from tallystick.errors import TallystickError, UsageError

_COMMANDS = {
    "version": "home:version",
    "init": "home:init",
    "devnet": "home:devnet",
    "party": "parties:party_app",
    "account": "accounts:account_app",
    "member": "members:member_app",
    "consent": "consent:consent_app",
    "erase": "consent:erase_command",
    "record": "recording:record_evidence",
    "countersign": "recording:countersign",
    "seal": "recording:seal_pending",
    "import": "importing:import_app",
    "bank": "bank:bank_command",
    "history": "histories:history_command",
    "changes": "histories:changes_command",
    "bundle": "histories:bundle_command",
    "diff": "histories:diff_command",
    "verify": "verify:verify_command",
    "certificate": "certificate:certificate_command",
    "timestamp": "timestamp:timestamp_command",
    "receipt": "receipt:receipt_app",
    "receivable": "receivable:receivable_app",
    "status": "status:show_status",
    "serve": "operate:serve_command",
    "worker": "operate:worker_command",
    "doctor": "operate:doctor_command",
    "archive": "archive:archive_app",
    "audit": "audit:audit_app",
    "key": "keys:key_app",
    "demo": "demo:demo",
}
"""Where each command, or group of commands, is: module of this package, and name in it."""

_PASSED_ON = {"devnet": {"context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}}}
"""Commands whose options, ``--help`` among them, are another program's."""


class _Commands(Mapping[str, Any]):
    """The commands by name. Most of a short command's time is that of importing: so it imports what it needs itself."""

    def __getitem__(self, name: str) -> Any:
        module, attribute = _COMMANDS[name].split(":")
        found = getattr(import_module(f"tallystick.cli.{module}"), attribute)
        alone = _typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name)
        else:
            settings: dict[str, Any] = _PASSED_ON.get(name, {})
            alone.command(name, add_help_option=name not in _PASSED_ON, **settings)(found)
        return get_group(alone).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


def _typer() -> typer.Typer:
    return typer.Typer(
        name="tallystick",
        help="Signed B2B trade evidence, anchored on a chain, complete, and verifiable by anyone offline.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )


def program() -> TyperGroup:
    """The whole command line."""
    group = get_group(_typer())
    group.commands = _Commands()  # type: ignore[assignment] # nobody adds to them
    return group


def main() -> None:
    """Run the command line; every expected failure ends in a message that says what to do."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        program()()
    except UsageError as error:
        print_error(error)
        sys.exit(EXIT_USAGE)
    except TallystickError as error:
        print_error(error)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        messages.print("stopped: what was acknowledged is kept; run the same command again to go on")
        sys.exit(130)
