"""What all commands share in talking to a person or a program: consoles, progress, errors, exit codes.

Rules: results go to standard output, everything else to standard error, so that ``--json`` can be piped; a progress
bar shows only where a person is watching.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from tallystick.errors import TallystickError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNCHECKED = 3

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_AS_SHOWN = dict.fromkeys(set(_CONTROLS) - {ord("\n"), ord("\t")}, "\ufffd")


class ShowingConsole(Console):
    """A console on which text is only shown: what strangers wrote neither commands the terminal nor turns about.

    Control characters (C0, C1) and the overrides of direction (Unicode UAX 9) become U+FFFD.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of ``renderable``, those of text made harmless; the console's own controls pass."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(text.translate(_AS_SHOWN), style)


# no emoji: the path of an element such as cbc:ID: would become one
console = ShowingConsole(highlight=False, soft_wrap=False, emoji=False)
messages = ShowingConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(value: Any) -> None:
    """One line of JSON on standard output; members keep their order."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")


def print_error(error: TallystickError) -> None:
    """What went wrong, and below it what to do, on standard error."""
    messages.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.todo:
        messages.print(f"[dim]what to do:[/] {escape(error.todo)}")


class Bars:
    """Progress bars by name; called as the services call their ``Progress``."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


@contextmanager
def bars(*, quiet: bool = False) -> Iterator[Bars]:
    """Progress bars on standard error for as long as the block runs; none where nobody watches or ``quiet``."""
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, disable=quiet or not messages.is_terminal, transient=True) as progress:
        yield Bars(progress)
