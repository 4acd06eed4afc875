"""The credential providers: one package for each store, the interface of all providers, and their registry."""
