"""Environment in, typed settings out. Imports nothing else of ours."""
