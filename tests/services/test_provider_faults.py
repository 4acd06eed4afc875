"""Mistakes of custom providers are reported with the provider, its class and what is wrong, and not as a traceback."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from app import create_app
from providers.interface import Check, CheckOutcome, Explanation
from services.chain import Chain
from services.diagnosis.checks.errors import report_exceptions
from services.diagnosis.checks.providers import check_providers
from services.diagnosis.checks.routes import check_roles
from services.diagnosis.checks.usernames import check_usernames
from services.diagnosis.explain import explain_login
from services.links import Link
from services.login_matches import match_login
from services.provider_faults import ProviderFault
from services.requirements import Route
from services.roles import available_roles
from tests.support.commands import run_command
from tests.support.stores import SECRET_KEY

VALID = {"username": "zoe", "email": None, "roles": ["user"]}
PASSWORD = "hunter2-of-zoe"
ACCOUNT: dict[str, str] = {}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "provider-contract.md"
WRONG_OUTCOME: Any = ("error", "b")


class Acme:
    """A provider whose methods return what a test sets."""

    answer: Any = None

    def __init__(self, environ: Any = None) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> Any:
        return None

    def find(self, username: str) -> Any:
        return self.answer

    def check(self) -> Any:
        return self.answer

    def explain(self, login: str) -> Any:
        return self.answer

    def list_users(self) -> Any:
        return self.answer

    def list_roles(self) -> Any:
        return self.answer


def returning(answer: object) -> Link:
    """Return a link to a provider whose methods return this answer."""
    provider = Acme()
    provider.answer = answer
    return Link("acme", provider)


def raising(links: list[Link], check: Callable[[Chain], Iterator[Check]]) -> str:
    """Return the text of the finding about the provider that has made a mistake."""
    (finding,) = [one for one in report_exceptions("x", check(Chain(links))) if one.outcome == "failure"]
    assert finding.remedy == "Report this to the author of the provider"
    assert finding.found.startswith(f"the provider acme ({__name__}.Acme) ")
    return finding.found.partition(") ")[2]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, "returned None from check, which must yield its results"),
        ("ok", "returned a str from check, which must yield its results"),
        (
            ["ok"],
            "yielded an invalid finding from check: the value must be an object of providers.interface, not a str",
        ),
        (
            [Check("a", *WRONG_OUTCOME)],
            "yielded an invalid finding from check: outcome is invalid: input should be 'ok',",
        ),
        ([Check("a", "ok", None)], "yielded an invalid finding from check: found must be text, not None"),  # type: ignore[arg-type]
    ],
)
def test_wrong_shape_of_a_check_is_a_finding(answer: object, found: str) -> None:
    assert raising([returning(answer)], check_providers).startswith(found)


@pytest.mark.parametrize("outcome", get_args(CheckOutcome))
def test_every_outcome_of_a_check_is_accepted_and_documented(outcome: CheckOutcome) -> None:
    checks = check_providers(Chain([returning([Check("a", outcome, "found")])]))
    assert outcome in {check.outcome for check in checks if check.found == "found"}
    assert f"`{outcome}`" in re.search(r"with the outcome\s.*?\.", PAGE.read_text(), re.DOTALL)[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, "the value must be an object of providers.interface, not None"),
        (VALID, "user is missing"),
        (Explanation({**VALID, "roles": {"a"}}), "user.roles must be a list, not a set"),  # type: ignore[arg-type]
        (Explanation(None, 7), "reason must be text, not an int"),  # type: ignore[arg-type]
        (Explanation(None, groups=["cn=all"]), "groups is invalid: input should be a valid tuple"),  # type: ignore[arg-type]
    ],
)
def test_wrong_shape_of_an_explanation_is_a_fault(answer: object, found: str) -> None:
    with pytest.raises(ProviderFault, match="returned an invalid explanation from explain: ") as caught:
        explain_login(Chain([returning(answer)]), "zoe")
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, "returned None from list_users, which must yield its results"),
        ([None], "returned an invalid user from list_users: the value must be a dict, not None"),
        ([{"username": "zoe", "roles": []}], "returned an invalid user from list_users: email is missing"),
    ],
)
def test_wrong_shape_of_a_listed_user_is_a_finding(answer: object, found: str) -> None:
    assert raising([Link("first", Acme()), returning(answer)], check_usernames) == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, "returned invalid roles from list_roles: the value must be a set, not None"),
        ("admin", "returned invalid roles from list_roles: the value must be a set, not a str"),
        ({7}, "returned invalid roles from list_roles: 0 must be text, not an int"),
    ],
)
def test_wrong_shape_of_the_roles_is_a_finding(answer: object, found: str) -> None:
    assert (
        raising([returning(answer)], lambda chain: check_roles(list[Route](), partial(available_roles, chain))) == found
    )


def test_roles_may_be_any_collection_of_names() -> None:
    for answer in (["a"], ("a",), {"a"}, frozenset({"a"})):
        (finding,) = check_roles(list[Route](), partial(available_roles, Chain([returning(answer)])))
        assert finding.outcome == "ok"


def test_command_that_looks_a_user_up_names_the_provider_that_cannot() -> None:
    match = match_login(returning({"username": "zoe"}), "zoe")
    assert match.obstacle == "returned an invalid user from find: email is missing; roles is missing"


class Failing(Acme):
    """A provider that reads a member which does not exist."""

    def authenticate(self, login: str, password: str) -> Any:
        return {"username": login, "email": ACCOUNT["mail"], "roles": [password]}


class Telling(Acme):
    """A provider whose missing key is what the user has typed."""

    def authenticate(self, login: str, password: str) -> Any:
        return ACCOUNT[login]


@pytest.mark.parametrize(("provider", "fault"), [("Failing", "KeyError: 'mail' at "), ("Telling", "KeyError at ")])
def test_exception_of_a_provider_is_logged_with_its_name_and_the_missing_key(
    provider: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app({"AUTH_PROVIDER": f"{__name__}:{provider}", "SECRET_KEY": SECRET_KEY}).test_client()
    assert client.post("/api/auth", json={"email": "zoe", "password": PASSWORD}).status_code == 500
    assert (
        f"the provider {__name__}:{provider} ({__name__}.{provider}) failed with {fault}{__file__}, line "
        in caplog.text
    )
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("command", [("explain", "zoe"), ("explain", "--all", "--compare-with", f"{__name__}:Acme")])
def test_command_that_a_provider_stops_is_a_one_line_error(command: tuple[str, ...]) -> None:
    ended = run_command(*command, environ={"AUTH_PROVIDER": f"{__name__}:Acme", "SECRET_KEY": SECRET_KEY})
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"({__name__}.Acme) returned " in ended.stderr
    assert ended.stderr.endswith("Report this to the author of the provider.\n")
