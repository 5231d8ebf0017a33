"""The client: the operations of all parts of the API, each part in a module of its own."""

from __future__ import annotations

from tallystick.client.accounts import Accounts
from tallystick.client.evidence import EvidenceOperations
from tallystick.client.parties import Parties
from tallystick.client.server import ServerOperations


class Client(EvidenceOperations, Parties, Accounts, ServerOperations):
    """The API at ``url``, asked with the API key ``key``; close it, or use it in a ``with`` block.

    Any thread may use it. The parameters are those of ``Transport``.
    """
