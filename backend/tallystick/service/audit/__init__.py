"""Audit: replay a ledger from a node and an archive, and say everything that does not fit."""
