"""`flask users import` of a million users, beside the database's own bulk loader for the same rows."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench.filled import BCRYPT, empty, servers

ROWS = 1_000_000  # with one role each


def main() -> None:
    """Compare; the number of users may be given."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with servers() as begins, TemporaryDirectory() as folder:
        file, plain = Path(folder, "users.csv"), Path(folder, "plain.csv")
        _write(file, plain, rows)
        for kind, begin in begins.items():
            seconds, memory = _import(file, empty(kind, begin, "ours"))
            loaded = _LOADERS[kind](plain, empty(kind, begin, "theirs")["DATABASE_URL"])
            print(
                f"{kind:12} import: {rows / seconds:,.0f} users/s ({seconds:.1f} s, at most {memory:,.0f} MiB); "
                f"its own bulk loader, users alone: {rows / loaded:,.0f} users/s; ratio {seconds / loaded:.1f}"
            )


def _write(file: Path, plain: Path, rows: int) -> None:
    """Write the users as we read them, and as the loaders take them into the table."""
    with file.open("w") as ours, plain.open("w") as theirs:
        ours.write("username,email,password_hash,roles,active\n")
        for number in range(rows):
            name = f"{secrets.token_hex(5)}{number}"
            hashed = f"{BCRYPT[:29]}{secrets.token_hex(15)}."
            ours.write(f"{name},{name}@example.org,{hashed},user,true\n")
            now = "2026-11-23 12:00:00.000000"
            theirs.write(f"{number + 1},{name},{name},{name}@example.org,{name}@example.org,{hashed},1,{now},{now},\n")


def _import(file: Path, environ: dict[str, str]) -> tuple[float, float]:
    """Import the file in a process of its own; returns the seconds, and the most MiB that it had."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "users", "import", str(file)],
        env={"PATH": os.defpath, **environ}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def _sqlite_loader(plain: Path, url: str) -> float:
    began = time.perf_counter()
    commands = f".mode csv\n.import {plain} users\n"
    subprocess.run(["sqlite3", url.removeprefix("sqlite:///")], input=commands, text=True, check=True)
    return time.perf_counter() - began


def _postgres_loader(plain: Path, url: str) -> float:
    began = time.perf_counter()
    copy_in = "COPY users FROM STDIN (FORMAT csv)"
    with psycopg.connect(url) as connection, plain.open("rb") as file, connection.cursor().copy(copy_in) as copy:
        while data := file.read(1 << 20):
            copy.write(data)
    return time.perf_counter() - began


_LOADERS = {"sqlite": _sqlite_loader, "postgresql": _postgres_loader}

if __name__ == "__main__":
    main()
