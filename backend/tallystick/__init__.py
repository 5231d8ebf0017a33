"""Tallystick: signed B2B trade evidence, anchored on a chain, complete, and verifiable by anyone offline."""

__version__ = "0.1.0"
