"""The client: the operations of all parts of the API, each part in a module of its own."""

from __future__ import annotations

from tallystick.client.access import Access
from tallystick.client.accounts import Accounts
from tallystick.client.answering import Answering
from tallystick.client.documents import Documents
from tallystick.client.events import Events
from tallystick.client.evidence import EvidenceOperations
from tallystick.client.imports import Imports
from tallystick.client.parties import Parties
from tallystick.client.persons import Persons
from tallystick.client.server import ServerOperations
from tallystick.client.signing import Signing


class Client(
    EvidenceOperations,
    Answering,
    Signing,
    Documents,
    Imports,
    Parties,
    Access,
    Events,
    Accounts,
    Persons,
    ServerOperations,
):
    """The API at ``url``, asked with the API key ``key``; close it, or use it in a ``with`` block.

    Any thread may use it. The parameters are those of ``Transport``.
    """
