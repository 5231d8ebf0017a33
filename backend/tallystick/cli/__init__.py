"""The command line: parses, calls a use case, prints. No logic lives here."""

from tallystick.cli.app import main

__all__ = ["main"]
