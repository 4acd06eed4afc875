"""Access tokens: their claims, their issuer, and the grant that a client receives."""
