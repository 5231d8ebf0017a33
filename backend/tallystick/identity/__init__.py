"""Who vouches for persons: an OpenID Connect issuer."""
