"""Sessions: refresh tokens, and the revocation list of access tokens that have not expired."""
