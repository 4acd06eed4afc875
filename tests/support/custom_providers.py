"""Providers as somebody else writes them, and programs that have them at hand."""

import os
from pathlib import Path
from textwrap import dedent

from tests.support.flask_program import ENVIRON, Flask
from tests.support.stores import SECRET_KEY

BARE = """
    class Bare:
        def __init__(self, environ):
            pass

        def authenticate(self, login, password):
            return None
"""

# Whatever is asked of it, it writes down.
NOTING = """
    import os
    from pathlib import Path
    from providers.interface import Check, Denied, Explanation, Membership, RuleResult

    ROLES = ("reader",)

    def note(what):
        with Path(os.environ["NOTES"]).open("a") as file:
            file.write(what + "\\n")

    class Noting:
        outcome = "ok"

        def __init__(self, environ):
            pass

        def check(self):
            note("check")
            yield Check("bind", self.outcome, "as \\x1b[31mcn=service", "Look at it" if self.outcome != "ok" else None)
            yield Check("a step that has quite a long name", "ok", "found")

        def explain(self, login):
            note("explain")
            if login == "locked":
                return Explanation(None, "locked", "uid=locked,ou=people")
            if login != "wile":
                return Explanation(None, "unknown_user")
            user = {"username": "wile", "email": None, "roles": ["reader"]}
            groups = (Membership("cn=readers"), Membership("cn=all", via_group="cn=readers"))
            rules = (
                RuleResult("cn=readers", ("reader",), True),
                RuleResult("cn=Admins", ("admin",), False, ("they are in cn=admins,ou=old",)),
            )
            return Explanation(user, None, "uid=wile,ou=people", groups, rules)

        def authenticate(self, login, password):
            note("authenticate")
            if password != "roadrunner":
                return Denied("locked")
            return {"username": "wile", "email": None, "roles": ["reader"]}

        def list_roles(self):
            return frozenset(ROLES)

    class Broken(Noting):
        outcome = "failure"

    class Raising(Noting):
        def check(self):
            yield Check("first", "ok", "fine")
            raise ValueError("hunter2")
"""


def write(folder: Path, name: str, source: str) -> None:
    """Write a module."""
    (folder / f"{name}.py").write_text(dedent(source))


def program(folder: Path, provider: str, **environ: str) -> Flask:
    """Return the program with a provider whose module is in the folder."""
    path = os.pathsep.join([str(folder), ENVIRON["PYTHONPATH"]])
    given = {
        "PYTHONPATH": path,
        "SECRET_KEY": SECRET_KEY,
        "AUTH_PROVIDER": provider,
        "DATABASE_URL": "",
        "NOTES": str(folder / "notes"),
    }
    return Flask(folder, **given | environ)


def notes(folder: Path) -> list[str]:
    """Return what a noting provider was asked."""
    path = folder / "notes"
    return path.read_text().split() if path.exists() else []
