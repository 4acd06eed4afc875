"""Files of users, in and out: a module for each format, which reads and writes but does not judge."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from services.user_import.formats import csv_file, htpasswd, json_lines, ldif
from services.user_import.formats import django_dumpdata as dumpdata
from services.user_import.formats.entries import Entry, UnreadableFile, UserFields, UserFormat

__all__ = ["EXPORTS", "FORMATS", "Entry", "UnreadableFile", "UserFields", "UserFormat", "format_of"]

FORMATS: Mapping[str, UserFormat] = {
    "csv": csv_file,
    "jsonl": json_lines,
    "htpasswd": htpasswd,
    "django": dumpdata,
    "ldif": ldif,
}
EXPORTS: Mapping[str, Callable[[TextIO], Callable[[UserFields], None]]] = {
    "csv": csv_file.users,
    "jsonl": json_lines.users,
}
"""By format: what begins a file, and returns what writes a user into it."""

_SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "django",
    ".ldif": "ldif",
    ".htpasswd": "htpasswd",
}


def format_of(path: Path) -> str | None:
    """Return the key in FORMATS that the name of a file stands for; None if it stands for none."""
    name = path.name.lower()
    if name in ("htpasswd", ".htpasswd"):
        return "htpasswd"
    return _SUFFIXES.get(Path(name).suffix)
