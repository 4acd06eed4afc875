"""Counted instructions of guarded requests, refusals, logins and refreshes: a slow request is found without a clock."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from passlib.hash import argon2

from tests.support.counted_requests import REQUESTS
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE

ROOT = Path(__file__).resolve().parent.parent
CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes"]

LIMITS = {
    ("seen", "plain"): 0.98,
    ("new", "new by hand"): 0.97,
    ("missing", "plain"): 0.99,
    ("malformed", "plain"): 1.01,
    ("unknown kid", "plain"): 1.05,
    ("wrong typ", "plain"): 1.04,
    ("expired", "plain"): 1.02,
    ("revoked", "plain"): 1.04,
    ("spoilt", "spoilt by hand"): 0.92,
    ("login", "plain"): 6.2,
    ("refresh", "plain"): 6.3,
}
"""How often a request may take the instructions of another one: 3 % more than when it was measured.

Repetitions differ by less than half a percent. Both requests are counted in one run, so that another version of Python
or of a library changes the ratios little. A function of `before_request` that reads `request.path` adds 4 %.
"""


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The instructions of a request, by case, in the thread that serves it: the hash of a login is not counted."""
    folder = tmp_path_factory.mktemp("counts")
    library = folder / "callgrind.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, ROOT / "tests/support/callgrind.c"], check=True)
    output = [f"--callgrind-out-file={folder}/counts", f"--log-file={folder}/log"]
    program = [sys.executable, "-m", "tests.support.counted_requests", str(library)]
    environ = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    settings = json.dumps(environment(folder)).encode()
    subprocess.run([*CALLGRIND, *output, *program], input=settings, check=True, env=environ, cwd=folder)
    found: dict[str, float] = {}
    for name, count in read_counts(folder):
        found[name] = min(count / REQUESTS, found.get(name, count))
    return found


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a service with sessions, throttle, audit log, metrics and the cheapest hashes."""
    cheapest = argon2.using(type="ID", memory_cost=8, time_cost=1, parallelism=1)
    return {
        **user_table(f"sqlite:///{folder}/sessions.db", []),
        **users_file(folder / "users.toml", [ZOE], lambda person: str(cheapest.hash(person.password))),
        "SECRET_KEY": SECRET_KEY,
        "METRICS_TOKEN": SECRET_KEY[::-1],
    }


def read_counts(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield each count of the first thread, and the name of its case."""
    for path in folder.glob("counts.*-01"):
        text = path.read_text()
        name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.MULTILINE)
        total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
        if name and total:
            yield name[1], int(total[1])


@pytest.mark.parametrize(("case", "other"), LIMITS)
def test_request_takes_no_more_instructions_than_before(counts: dict[str, float], case: str, other: str) -> None:
    ratio, limit = counts[case] / counts[other], LIMITS[case, other]
    assert ratio <= limit, (
        f"the request `{case}` takes {ratio:.3f} times the instructions of `{other}`, at most {limit} is expected. "
        "Look at what each request does: api/response_headers.py, api/application.py, services/auth_guard.py, "
        "services/tokens/issuer.py, for a login services/login.py, and for a refresh database/prepared_statement.py. "
        "docs/decisions/0047 says what is expensive"
    )
