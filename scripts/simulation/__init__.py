"""A chain and its node for tests: seeded, in this process, without an EVM, and as troublesome as real ones are.

- ``clock``: time that moves only as told.
- ``state``: what the contracts and accounts hold after one block, by the Python twins of the contracts.
- ``mempool``: transactions that wait.
- ``blocks``, ``chain``: blocks, reorganisations, finality.
- ``view``, ``node``: the JSON-RPC answers, all true as of the newest block or another one.
- ``faults``, ``troubled``: a seeded troublemaker, and the provider before the node in which it works.
- ``wordings``: what nodes of different makes say when they refuse.

Example::

    node = SimulatedNode(SimulatedChain(registrar, [operator], seed=7), auto_mine=True)
    ledger = EvmChain(Troubled(node, Faults(7, {Fault.TIMEOUT_AFTER: 0.05})), node.chain.deployment)
"""
