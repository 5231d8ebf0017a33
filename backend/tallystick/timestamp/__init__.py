"""RFC 3161 time-stamps: ask an authority for one, and check one. Sealing neither waits for nor needs it."""
