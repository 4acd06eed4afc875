"""The examples of the documentation pages: commands, and the output that the page shows for them.

Write the present output into pages: `.venv/bin/python -m tests.docs.examples docs/PAGE.md…`
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import requests

from services.keys.directory import KeyDirectory
from tests.servers.gunicorn import gunicorn
from tests.support.flask_program import FLASK
from tests.support.fork_server import ForkServer
from tests.support.stores import SECRET_KEY, hashed, user_table, users_file
from tests.support.users import SampleUser

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
CLIENT_SECRET = "c7f3a1d85e924b06f8d13c7a5be0942671f6ad38e5c20b94"
SERVICE = "http://127.0.0.1:5000"
ADMIN = SampleUser("admin", "admin@example.org", PASSWORD, ("admin", "user"))
ZOE = SampleUser("zoe", "zoe@example.org", PASSWORD, ("admin", "user"))
YAN = SampleUser("yan", "yan@example.org", PASSWORD)
WEAK_HASH = "{SSHA}f6ytUsSs8Zsq6C3sv1hZJy2XemwAAQID"

SHELL = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "SERVICE": SERVICE}
"""The variables of every shell."""

TUTORIAL = "docs/tutorial.md"
# Commands that do not end by themselves, or that another test runs.
NOT_RUN = re.compile(r"gunicorn|^make |^system(ctl|d-run) |curl .*/api/orders|flask .* run$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```sh\n(.*?)^```\n(?:\n```(text|json)\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_SEPARATOR = "\x1e"
_LONG_MEMBERS = {"data", "access_token", "refresh_token", "jti", "sid", "id", "kid", "x", "y"}


class Example(NamedTuple):
    """A block of commands, and the block of output that follows it, if there is one."""

    commands: str
    language: str
    output: str | None
    span: tuple[int, int]
    """Where the output is in the page."""


def all_examples(page: str) -> list[Example]:
    """Return the examples of a page, in order."""
    found = _EXAMPLE.finditer((ROOT / page).read_text())
    return [Example(one[1], one[2], one[3], one.span(3)) for one in found]


def examples(page: str) -> list[Example]:
    """Return the examples of a page that are run in one shell, in order."""
    return [example for example in all_examples(page) if not NOT_RUN.search(example.commands)]


def pages() -> list[str]:
    """Return the pages that show the output of a command, except the tutorial, which has a test of its own."""
    paths = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/*.md"))]
    shown = [path for path in paths if any(example.output is not None for example in examples(path))]
    return [path for path in shown if path != TUTORIAL]


def outputs(page: str, fork_server: ForkServer | None = None) -> list[str]:
    """Run all commands of a page in one shell, in a new deployment; return what each example prints."""
    with TemporaryDirectory() as home, deployment(page, Path(home), fork_server) as environ:
        return run_examples(examples(page), Path(home), environ)


def run_examples(shown: Sequence[Example], home: Path, environ: Mapping[str, str]) -> list[str]:
    """Run the commands of examples in one shell, in this folder in place of the checkout; return what each prints."""
    separator = f"\nprintf '{_SEPARATOR}'\n"
    script = separator.join(example.commands for example in shown)
    script = script.replace("YOUR PASSWORD", PASSWORD).replace(SERVICE, environ["SERVICE"])
    script = re.sub(r"sqlite:///(?=\w)", f"sqlite:///{home}/", script)
    ended = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=home, env=environ, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=600, check=False,
    )  # fmt: skip
    return ended.stdout.replace(environ["SERVICE"], SERVICE).split(_SEPARATOR)


@contextmanager
def deployment(page: str, home: Path, fork_server: ForkServer | None) -> Iterator[dict[str, str]]:
    """Yield the variables of a shell whose folder is a deployment: with users, keys, clients, and a service."""
    environ = {"SECRET_KEY": SECRET_KEY, "OAUTH_CLIENTS": f"reports:{CLIENT_SECRET},mobile"}
    if page == "docs/oauth-clients.md":
        environ |= {"OAUTH_PASSWORD_GRANT": "true", "OAUTH_CLIENT_ROLES": "reports:user"}
    if page == "docs/metrics.md":
        environ["METRICS_TOKEN"] = CLIENT_SECRET
    environ |= _stores(page, home)
    if page == "docs/oauth-clients.md":
        environ["JWT_ISSUER"] = "https://auth.example.org"
    add_programs(home, fork_server)
    shell = {**environ, **SHELL, "CLIENT_SECRET": CLIENT_SECRET}
    if not environ["DATABASE_URL"]:
        yield shell
        return
    KeyDirectory(home).add("ES256")
    with gunicorn({**environ, "SIGNING_KEYS_DIR": str(home)}) as service:
        yield {**shell, "SERVICE": service, "TOKEN": _log_in(service)}


def add_programs(home: Path, fork_server: ForkServer | None = None) -> None:
    """Add the programs that the pages call, `.venv/bin/flask` and `.venv/bin/python`, to a folder.

    With a fork server, `flask` is forked from it, and therefore has the code of this clone.
    """
    programs = home / ".venv/bin"
    programs.mkdir(parents=True)
    write_program(programs / "python", [sys.executable])
    write_program(programs / "flask", fork_server.command if fork_server else FLASK)


def write_program(path: Path, command: Sequence[str]) -> None:
    """Write a program that runs a command with its own arguments."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    path.chmod(0o755)


def _stores(page: str, home: Path) -> dict[str, str]:
    """Write a users file and, unless the page is about that, a user table; return their variables."""
    known = [ADMIN] if page in ("docs/http-api.md", "docs/admin-api.md") else [ZOE, YAN]
    roles = ("admin", "user") if page == "docs/troubleshooting.md" else ("user", "editor")
    static = users_file(home / "users.toml", [replace(ZOE, roles=roles)])
    if page == "docs/troubleshooting.md":
        return {**static, "STATIC_USERS_FILE": "users.toml", "DATABASE_URL": ""}
    return user_table(
        f"sqlite:///{home}/deployment.db", known, lambda one: WEAK_HASH if one is YAN else hashed(PASSWORD)
    )


def _log_in(service: str) -> str:
    for login in (ADMIN.email, ZOE.email):
        response = requests.post(f"{service}/api/auth", json={"email": login, "password": PASSWORD}, timeout=60)
        if response.ok:
            return str(response.json()["data"])
    raise AssertionError(response.text)


def displayed(output: str, language: str) -> str:
    """Return an output as a page shows it: JSON formatted, and long random values shortened."""
    output = re.sub(r'\bcli:[^"\s]+', "cli:root", output)
    if language == "json":
        members = _shortened(json.loads(output))
        line = json.dumps(members, ensure_ascii=False)
        return line if len(line) < 100 else _with_short_lists(json.dumps(members, ensure_ascii=False, indent=2))
    output = re.sub(r"(?m)^(Password: \S{6})\S+$", r"\1…", output)
    return output.replace("\r", "").strip("\n")


def _with_short_lists(text: str) -> str:
    return re.sub(
        r"\[[^\[\]{}]+\]",
        lambda found: re.sub(r"(?<=\[)\s+|\s+(?=\])|(?<=,)\s+", "", found[0]).replace(",", ", "),
        text,
    )


def comparable(output: str) -> str:
    """Return a displayed output without the values that differ in each run."""
    output = re.sub(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(\.\d+)?)?(\+00:00|Z)?", "TIME", output)
    output = re.sub(r"\b1[7-9]\d{8}\b", "TIME", output)
    output = re.sub(r"(?<![\w-])[\w-]{43}(?![\w-])", "KEY", output)
    output = re.sub(r"[\w-]+…", "…", output)
    return re.sub(r"[\d,]+ ms", "ms", re.sub(r"[ -]{2,}", " ", output)).strip()


def _shortened(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _shortened(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return f"{value[:10]}…" if isinstance(value, str) and name in _LONG_MEMBERS and len(value) > 20 else value


def write(page: str) -> None:
    """Replace the outputs that a page shows by the present ones."""
    write_outputs(page, outputs(page))


def write_outputs(page: str, present: Sequence[str]) -> None:
    """Replace the outputs that a page shows by these."""
    text = (ROOT / page).read_text()
    found = all_examples(page) if page == TUTORIAL else examples(page)
    for example, output in reversed([*zip(found, present, strict=True)]):
        if example.output is not None:
            shown = displayed(output, example.language)
            if comparable(shown) != comparable(example.output):
                text = f"{text[: example.span[0]]}{shown}\n{text[example.span[1] :]}"
    (ROOT / page).write_text(text)


if __name__ == "__main__":
    for path in sys.argv[1:] or pages():
        write(path)
