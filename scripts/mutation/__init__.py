"""Mutations of valid bundles, and what two verifiers say of them; see ``mutate_bundles.py``."""
