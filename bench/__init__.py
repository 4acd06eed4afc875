"""Benchmarks. They print ratios within one run, because machines differ. `make bench` runs them."""
