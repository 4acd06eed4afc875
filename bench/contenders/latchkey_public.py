"""A route without a guard in the application of Latchkey: what the rest of Latchkey costs."""

from pathlib import Path

from bench.contenders import Contender, latchkey
from services.auth_guard import public


def create(folder: Path) -> Contender:
    """Return the application."""
    return latchkey.create(folder, public)
