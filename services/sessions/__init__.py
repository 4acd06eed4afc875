"""Sessions: refresh tokens, and the revocation list that ends access tokens early."""
