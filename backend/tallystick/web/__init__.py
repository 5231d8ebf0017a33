"""The HTTP API under ``/v1``: parses, calls a use case, answers in JSON. No logic lives here."""
