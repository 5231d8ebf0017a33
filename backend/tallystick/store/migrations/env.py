"""Runs the revisions on the connection that ``store/engine.py`` hands over, inside the transaction it has begun.

A new revision is a file under ``versions/`` written by hand; ``schema.HEAD`` and ``schema.metadata`` follow it.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
