"""Start a process: the processor time and the memory until the first response, beside bare Flask.

Each start is a new process, and the contenders take turns, so that a busy machine slows all of them. The memory is that
at the end of the process, before any password is hashed. `flask --help` loads the commands of all installed packages.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from config.environment import CHECKOUT
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE

ROUNDS = 16

BARE_FLASK = """
from flask import Flask
app = Flask("bare")
@app.get("/")
def hello():
    return {"message": "hello"}
assert app.test_client().get("/").status_code == 200
"""
PYJWT_BY_HAND = """
import jwt
from flask import Flask, request
app = Flask("by_hand")
@app.get("/")
def hello():
    try:
        jwt.decode(request.headers.get("Authorization", "")[7:], "0123456789abcdef" * 4, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return {"message": "unauthorized"}, 401
    return {"message": "hello"}
assert app.test_client().get("/").status_code == 401
"""
LATCHKEY = """
import os
from app import create_app
assert create_app(os.environ).test_client().get("/api/protected_route").status_code == 401
"""
LATCHKEY_WITH_TOKEN = """
import os
from app import create_app
from services.jwt_handler import generate_jwt
client = create_app(os.environ).test_client()
bearer = {"Authorization": "Bearer " + generate_jwt({"username": "zoe", "email": None, "roles": []})}
assert client.get("/api/protected_route", headers=bearer).status_code == 200
"""
HELP = "from flask.cli import main; import sys; sys.argv = ['flask', '--help']; main()"
REPORT_MEMORY = """
import atexit, sys
atexit.register(lambda: print(open("/proc/self/smaps_rollup").read().split("Rss:")[1].split()[0], file=sys.stderr))
"""


class Cost(NamedTuple):
    """What a process has used."""

    seconds: float
    """Of processor time."""
    mebibytes: float


def start(program: str, environ: Mapping[str, str]) -> Cost:
    """Run a program in a new process."""
    command = [sys.executable, "-c", REPORT_MEMORY + program]
    variables = {"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT), **environ}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=variables, cwd="/", stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        lines = errors.read().splitlines()
    assert process.returncode == 0, lines
    return Cost(usage.ru_utime + usage.ru_stime, int(lines[-1]) / 1024)


def contenders(folder: Path) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return the programs and their environments, by name. The first is what the others are compared with."""
    static = {"SECRET_KEY": SECRET_KEY, **users_file(folder / "users.toml", [ZOE])}
    database = {"SECRET_KEY": SECRET_KEY, **user_table(f"sqlite:///{folder}/users.db", [ZOE])}
    return {
        "bare Flask": (BARE_FLASK, {}),
        "PyJWT by hand": (PYJWT_BY_HAND, {}),
        "Latchkey, users file": (LATCHKEY, static),
        "Latchkey, users file, with a token": (LATCHKEY_WITH_TOKEN, static),
        "Latchkey, SQLite": (LATCHKEY, database),
        "flask --help, users file": (HELP, {**static, "FLASK_APP": str(CHECKOUT / "app.py")}),
    }


def main() -> None:
    """Print a table of the medians."""
    with tempfile.TemporaryDirectory() as folder:
        programs = contenders(Path(folder))
        rounds = [{name: start(*program) for name, program in programs.items()} for _ in range(ROUNDS)]
    # The first round compiles the modules.
    report({name: [costs[name] for costs in rounds[1:]] for name in programs})


def report(costs: Mapping[str, list[Cost]]) -> None:
    """Print the medians, and the ratio to the first contender."""
    bare = median(cost.seconds for cost in next(iter(costs.values())))
    print(f"{'until the first response':36} {'CPU':>8} {'ratio':>6} {'memory':>10}")
    for name, values in costs.items():
        seconds, mebibytes = (median(column) for column in zip(*values, strict=True))
        print(f"{name:36} {seconds * 1000:5.0f} ms {seconds / bare:6.2f} {mebibytes:6.1f} MiB")


if __name__ == "__main__":
    main()
