"""A Flask route without a guard."""

from itertools import count
from pathlib import Path

from flask import Flask

from bench.contenders import PATH, Contender, view


def create(_folder: Path) -> Contender:
    """Return the application."""
    app = Flask(__name__)
    app.get(PATH)(view)
    numbers = count()
    return Contender(app, lambda: f"token-{next(numbers)}.{'a' * 300}.b")
