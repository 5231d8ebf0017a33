"""A chain and its node for tests: seeded, in this process, without an EVM, and as troublesome as real ones are.

- ``clock``: time that moves only as told.
- ``state``: what the contracts and accounts hold after one block, by the Python twins of the contracts.
- ``mempool``: transactions that wait.
- ``chain``: blocks, reorganisations, finality.
- ``node``: the JSON-RPC answers, all true.
- ``faults``: a seeded troublemaker before the node.

Example::

    node = SimulatedNode(SimulatedChain(registrar, [operator], seed=7), auto_mine=True)
    ledger = EvmChain(Troubled(node, Faults(7, {Fault.TIMEOUT_AFTER: 0.05})), node.chain.deployment)
"""
