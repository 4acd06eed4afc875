"""Benchmarks. They print ratios within one run, because machines differ. `make bench` runs them."""

import os
import tempfile

# The databases of the benchmarks wait for the disk. Otherwise those of tests, which they use, would be in memory.
os.environ.setdefault("TMPDIR", tempfile.gettempdir())
