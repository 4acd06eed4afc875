"""`flask users import` of a million users, compared with the bulk loader of the database for the same rows."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench.databases import BCRYPT, create_empty, servers

USERS = 1_000_000  # with one role each


def main() -> None:
    """Run the benchmark. The first argument is the number of users, a million by default."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else USERS
    with servers() as base_urls, TemporaryDirectory() as folder:
        users_file, table_file = Path(folder, "users.csv"), Path(folder, "table.csv")
        _write_files(users_file, table_file, count)
        for kind, base_url in base_urls.items():
            seconds, memory = _import(users_file, create_empty(kind, base_url, "imported"))
            loaded = _LOADERS[kind](table_file, create_empty(kind, base_url, "loaded")["DATABASE_URL"])
            print(
                f"{kind:12} import: {count / seconds:,.0f} users/s ({seconds:.1f} s, at most {memory:,.0f} MiB); "
                f"bulk loader of the database, without roles: {count / loaded:,.0f} users/s; "
                f"ratio {seconds / loaded:.1f}"
            )


def _write_files(users_file: Path, table_file: Path, count: int) -> None:
    """Write the users in the format of `flask users import`, and in the columns of the table."""
    with users_file.open("w") as users, table_file.open("w") as rows:
        users.write("username,email,password_hash,roles,active\n")
        for number in range(count):
            name = f"{secrets.token_hex(5)}{number}"
            email = f"{name}@example.org"
            stored = f"{BCRYPT[:29]}{secrets.token_hex(15)}."
            users.write(f"{name},{email},{stored},user,true\n")
            now = "2026-11-23 12:00:00.000000"
            rows.write(f"{number + 1},{name},{name},{email},{email},{stored},1,{now},{now},\n")


def _import(file: Path, environ: dict[str, str]) -> tuple[float, float]:
    """Import the file in a new process. Return the seconds, and its maximum memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "users", "import", str(file)],
        env={"PATH": os.defpath, **environ}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def _sqlite_loader(file: Path, url: str) -> float:
    start = time.perf_counter()
    commands = f".mode csv\n.import {file} latchkey_users\n"
    subprocess.run(["sqlite3", url.removeprefix("sqlite:///")], input=commands, text=True, check=True)
    return time.perf_counter() - start


def _postgres_loader(file: Path, url: str) -> float:
    start = time.perf_counter()
    copy_in = "COPY latchkey_users FROM STDIN (FORMAT csv)"
    with psycopg.connect(url) as connection, file.open("rb") as rows, connection.cursor().copy(copy_in) as copy:
        while data := rows.read(1 << 20):
            copy.write(data)
    return time.perf_counter() - start


_LOADERS = {"sqlite": _sqlite_loader, "postgresql": _postgres_loader}

if __name__ == "__main__":
    main()
