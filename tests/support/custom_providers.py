"""Custom providers as third parties write them, and programs that can import them."""

import os
from pathlib import Path
from textwrap import dedent

from tests.support.flask_program import ENVIRON
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import HIGH_LIMITS, SECRET_KEY

MINIMAL = """
    class Minimal:
        def __init__(self, environ):
            pass

        def authenticate(self, login, password):
            return None
"""

# It records each call of its methods in a file.
RECORDING = """
    import os
    from pathlib import Path
    from providers.interface import Check, Denied, Explanation, Membership, RuleResult

    ROLES = ("reader",)

    def record(method):
        with Path(os.environ["CALLS"]).open("a") as file:
            file.write(method + "\\n")

    class Recording:
        outcome = "ok"

        def __init__(self, environ):
            pass

        def check(self):
            record("check")
            yield Check("bind", self.outcome, "as \\x1b[31mcn=service", "Look at it" if self.outcome != "ok" else None)
            yield Check("a step whose name is rather long", "ok", "found")

        def explain(self, login):
            record("explain")
            if login == "locked":
                return Explanation(None, "locked", "uid=locked,ou=people")
            if login != "wile":
                return Explanation(None, "unknown_user")
            user = {"username": "wile", "email": None, "roles": ["reader"]}
            groups = (Membership("cn=readers"), Membership("cn=all", via_group="cn=readers"))
            rules = (
                RuleResult("cn=readers", ("reader",), True),
                RuleResult("cn=Admins", ("admin",), False, ("the user is in cn=admins,ou=old",)),
            )
            return Explanation(user, None, "uid=wile,ou=people", groups, rules)

        def authenticate(self, login, password):
            record("authenticate")
            if password != "roadrunner":
                return Denied("locked")
            return {"username": "wile", "email": None, "roles": ["reader"]}

        def list_roles(self):
            return frozenset(ROLES)

    class Hiding(Recording):
        user = {
            "username": "wile", "email": None, "roles": ["reader", "writer"],
            "record_id": "hidden record", "credential_stamp": "hidden stamp",
        }

        def explain(self, login):
            return Explanation(self.user)

        def authenticate(self, login, password):
            return self.user

        def find(self, username):
            return self.user

        def list_users(self):
            yield self.user

    class Broken(Recording):
        outcome = "failure"

    class Raising(Recording):
        def check(self):
            yield Check("first", "ok", "fine")
            raise ValueError("hunter2")
"""


def write(folder: Path, name: str, source: str) -> None:
    """Write a module into the folder."""
    (folder / f"{name}.py").write_text(dedent(source))


def program(fork_server: ForkServer, folder: Path, provider: str, **environ: str) -> ForkedFlask:
    """Return the program with a provider from a module in the folder."""
    path = os.pathsep.join([str(folder), ENVIRON["PYTHONPATH"]])
    settings = {
        "PYTHONPATH": path,
        "SECRET_KEY": SECRET_KEY,
        **HIGH_LIMITS,
        "AUTH_PROVIDER": provider,
        "DATABASE_URL": "",
        "CALLS": str(folder / "calls"),
    }
    return ForkedFlask(fork_server, folder, **settings | environ)


def calls(folder: Path) -> list[str]:
    """Return the methods of the recording provider that were called, in order."""
    path = folder / "calls"
    return path.read_text().split() if path.exists() else []
