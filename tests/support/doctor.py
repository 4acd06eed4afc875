"""The findings of `flask doctor --json`."""

import json
from typing import Any

from tests.support.flask_program import FlaskProgram
from tests.support.stores import SECRET_KEY, hashed
from tests.support.users import ZOE


def diagnose(program: FlaskProgram, *arguments: str, **environ: Any) -> dict[str, dict[str, Any]]:
    """Return the findings by step, after checks of the exit code, of the remedies, and that no secret is shown."""
    ended = program("doctor", "--json", *arguments, **environ)
    diagnosis = json.loads(ended.stdout)
    outcomes = [check["outcome"] for check in diagnosis["checks"]]
    worst = next(outcome for outcome in ("failure", "warning", "ok") if outcome in outcomes)
    assert (diagnosis["worst"], ended.returncode) == (worst, ["ok", "warning", "failure"].index(worst))
    assert ended.stderr == ""
    assert all(check["remedy"] for check in diagnosis["checks"] if check["outcome"] in {"warning", "failure"})
    assert all("\n" not in f"{check['found']}{check['remedy']}" for check in diagnosis["checks"])
    for secret in (SECRET_KEY, hashed(ZOE.password), ZOE.password, "hunter2"):
        assert secret not in ended.stdout
    return {check["step"]: check for check in diagnosis["checks"]}


def not_ok(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the outcome of each step that is a warning or a failure."""
    return {step: check["outcome"] for step, check in checks.items() if check["outcome"] not in {"ok", "info"}}
