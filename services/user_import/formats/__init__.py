"""File formats for users: each module reads and writes one format, and does not check names or hashes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from services.user_import.formats import csv_file, django_dumpdata, htpasswd, json_lines, ldif
from services.user_import.formats.entries import Entry, UnreadableFile, UserFields, UserFormat

__all__ = ["EXPORT_FORMATS", "FORMATS", "Entry", "UnreadableFile", "UserFields", "UserFormat", "guess_format"]

FORMATS: Mapping[str, UserFormat] = {
    "csv": csv_file,
    "jsonl": json_lines,
    "htpasswd": htpasswd,
    "django": django_dumpdata,
    "ldif": ldif,
}
EXPORT_FORMATS: Mapping[str, Callable[[TextIO], Callable[[UserFields], None]]] = {
    "csv": csv_file.user_writer,
    "jsonl": json_lines.user_writer,
}
"""By format: a function that writes the header, if any, and returns a function that writes a user."""

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "django",
    ".ldif": "ldif",
    ".htpasswd": "htpasswd",
}


def guess_format(path: Path) -> str | None:
    """Return the key in FORMATS that the name of the file indicates; None if the name indicates no format."""
    name = path.name.lower()
    if name in ("htpasswd", ".htpasswd"):
        return "htpasswd"
    return _SUFFIXES.get(Path(name).suffix)
