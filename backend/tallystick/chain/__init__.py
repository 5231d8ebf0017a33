"""The contracts on a chain: typed, block-pinned reads and the transactions that change them.

Only the modules that talk to a node load web3.py, which takes a second or two; ``records``, ``memory`` and the codecs
do not. Import what you need from its own module.

Example: ``EvmChain(open_http(url), deployment)`` from ``chain.ledger`` and ``chain.rpc``.
"""
