"""The HTTP API: one module for each group of endpoints; errors.py maps each error to its response."""
