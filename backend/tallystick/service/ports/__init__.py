"""What the use cases need from the outside world: a store, a chain, keys, a clock and randomness.

Every Protocol says its obligations on each method.
"""

from tallystick.service.ports.chain import Chain
from tallystick.service.ports.identity import TokenIssuer
from tallystick.service.ports.outside import Authority, Clock, Entropy, Keys, Sign
from tallystick.service.ports.store import Lease, Store, Transaction

__all__ = ["Authority", "Chain", "Clock", "Entropy", "Keys", "Lease", "Sign", "Store", "TokenIssuer", "Transaction"]
