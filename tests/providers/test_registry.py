"""Third-party providers, loaded by reference or by entry point."""

import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from app import create_app
from config.errors import ConfigurationError
from providers.registry import open_provider
from providers.static.provider import StaticProvider
from tests.support.stores import SECRET_KEY, services_of

# A third-party package. It imports nothing from this project.
PLUGIN = """
import acme_client as _


class Provider:
    def __init__(self, environ):
        self.password = environ["ACME_PASSWORD"]

    def authenticate(self, login, password):
        if (login, password) == ("wile", self.password):
            return {"username": "wile", "email": None, "roles": ["coyote"]}
        return None


def fails(environ):
    raise KeyError(environ["ACME_PASSWORD"])


def nonsense(environ):
    return environ["ACME_PASSWORD"]


def nothing(environ):
    return None


def takes_nothing():
    return Provider({})


number = 7
"""
PASSWORD = "hunter2-of-acme"
ENVIRON = {"SECRET_KEY": SECRET_KEY, "ACME_PASSWORD": PASSWORD}


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the third-party package with its entry points."""
    package = tmp_path / "acme_auth"
    package.mkdir()
    (tmp_path / "acme_client.py").touch()
    (package / "__init__.py").touch()
    (package / "provider.py").write_text(PLUGIN)
    (package / "broken.py").write_text(f"raise RuntimeError('{PASSWORD}')\n")
    info = tmp_path / "acme_auth-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-auth\nVersion: 1.0\n")
    points = """
        [latchkey.providers]
        acme = acme_auth.provider:Provider
        acme-broken = acme_auth.broken:Provider
        static = acme_auth.provider:Provider

        [console_scripts]
        acme-tool = acme_auth.provider:Provider
    """
    (info / "entry_points.txt").write_text(dedent(points))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name, module in [*sys.modules.items()]:
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]  # its file is deleted, and the next test has another one


def problem_of(environ: dict[str, str]) -> str:
    """Return the one problem, after a check that it names the variable and quotes no value."""
    with pytest.raises(ConfigurationError) as caught:
        services_of(environ)
    (line,) = caught.value.lines
    assert line.startswith("AUTH_PROVIDER names ")
    assert PASSWORD not in str(caught.value)
    return line


@pytest.mark.parametrize("name", ["acme", "acme_auth.provider:Provider"])
def test_third_party_provider_authenticates_its_users(name: str) -> None:
    client = create_app({**ENVIRON, "AUTH_PROVIDER": name}).test_client()
    answer = client.post("/api/auth", json={"email": "wile", "password": PASSWORD})
    assert answer.status_code == 200
    bearer = {"Authorization": f"Bearer {answer.get_json()['data']}"}
    assert client.get("/api/protected_route", headers=bearer).status_code == 200
    assert client.get("/api/protected_route_admin", headers=bearer).status_code == 403
    assert client.post("/api/auth", json={"email": "wile", "password": "wrong"}).status_code == 400


def test_third_party_provider_can_be_in_a_chain(static_environ: dict[str, str]) -> None:
    app = create_app({**ENVIRON, **static_environ, "AUTH_PROVIDER": "static, acme"})
    answer = app.test_client().post("/api/auth", json={"email": "wile", "password": PASSWORD})
    assert answer.status_code == 200


def test_built_in_name_cannot_be_taken_by_an_entry_point(static_environ: dict[str, str]) -> None:
    provider = open_provider("static", {**ENVIRON, **static_environ})
    assert type(provider).__module__ == "providers.static.provider"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("acme_auth.provider:fails", "a factory that failed with KeyError at "),
        ("acme_auth.provider:takes_nothing", "takes_nothing, which cannot be called with 1 argument. "),
        ("acme_auth.provider:number", "number, which cannot be called. Name a function or a class "),
        ("acme_auth.provider:nonsense", "a factory whose result has no method authenticate"),
        ("acme_auth.provider:nothing", "a factory whose result has no method authenticate"),
        ("acme_auth.provider:missing", "a factory that cannot be imported: AttributeError"),
        ("acme_auth.missing:Provider", "a factory that cannot be imported: ModuleNotFoundError"),
        ("no_such_package:Provider", "a factory that cannot be imported: ModuleNotFoundError"),
        ("acme_auth.broken:Provider", "a factory that cannot be imported: RuntimeError"),
        ("acme-broken", "a factory that cannot be imported: RuntimeError"),
        ("acme_auth.provider:", "a factory that cannot be imported: "),
        (":Provider", "a factory that cannot be imported: "),
        ("a b:c d", "a factory that cannot be imported: "),
    ],
)
def test_unusable_factory_is_rejected(name: str, problem: str) -> None:
    assert problem in problem_of({**ENVIRON, "AUTH_PROVIDER": name})


def test_failed_factory_is_reported_with_its_place(tmp_path: Path) -> None:
    line = PLUGIN.splitlines().index('    raise KeyError(environ["ACME_PASSWORD"])') + 1
    place = f"{tmp_path / 'acme_auth' / 'provider.py'}, line {line}"
    assert place in problem_of({**ENVIRON, "AUTH_PROVIDER": "acme_auth.provider:fails"})


@pytest.mark.parametrize("name", ["acme-tool", "Static", "acme_auth.provider", "ldap3", "none", "*"])
def test_unknown_name_is_rejected_with_the_known_ones(name: str) -> None:
    assert "Set it to static, database, ldap or package.module:factory" in problem_of(
        {**ENVIRON, "AUTH_PROVIDER": name}
    )


@pytest.mark.parametrize("names", ["acme,acme", "static,acme,static", "acme , acme"])
def test_duplicate_name_is_rejected(names: str, static_environ: dict[str, str]) -> None:
    assert re.search("names (acme|static) twice", problem_of({**ENVIRON, **static_environ, "AUTH_PROVIDER": names}))


def test_configuration_error_of_a_factory_is_reported_unchanged() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_provider("config.settings:TokenSettings.read", {"JWT_LIFETIME_MINUTES": "0"})
    assert caught.value.lines[0].startswith("JWT_LIFETIME_MINUTES ")


def test_traceback_of_a_failed_factory_contains_no_value() -> None:
    with pytest.raises(ConfigurationError) as caught:
        services_of({**ENVIRON, "AUTH_PROVIDER": "acme_auth.provider:fails"})
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_factory_that_exits_is_rejected_without_output(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_PROVIDER"):
        open_provider("builtins:exit", {"SECRET_KEY": "hunter2"})
    assert capfd.readouterr() == ("", "")


def test_factory_that_returns_a_class_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="AUTH_PROVIDER"):
        open_provider("tests.providers.test_registry:returns_a_class", {})


def returns_a_class(_environ: Mapping[str, str]) -> type:
    return StaticProvider


MISTAKES = """
import os
from dataclasses import dataclass

class Provider:
    def __init__(self, environ):
        self.url = environ["ACME_URL"]

    def authenticate(self, login, password):
        return None

def of_process(environ):
    return os.environ["ACME_URL"]

class Other:
    def __init__(self, environ):
        pass

class OneArgument(Other):
    def authenticate(self, login):
        return None

class Asynchronous(Other):
    async def authenticate(self, login, password):
        return None

class FindWithoutUsername(Provider):
    def __init__(self, environ):
        pass

    def find(self):
        return None
"""


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        (
            "mistakes:Provider",
            "ACME_URL is not set, and the provider mistakes:Provider requires it. Set ACME_URL.",
        ),
        (
            "mistakes:of_process",
            "AUTH_PROVIDER names mistakes:of_process, a factory that failed with KeyError: 'ACME_URL' at ",
        ),
        ("mistakes:Provders", "AttributeError: mistakes has no Provders. Did you mean Provider?"),
        (
            "mistakes:OneArgument",
            "has a method authenticate that cannot be called with 2 arguments: it is of type OneArg",
        ),
        ("mistakes:Asynchronous", "has a method authenticate that is asynchronous: it is of type Asynchronous"),
        ("mistakes:FindWithoutUsername", "has a method find that cannot be called with 1 argument: it is of type Find"),
        ("mistakes:Other", "has no method authenticate(login, password): it is of type Other"),
        ("mistake:Provider", "ModuleNotFoundError: no module mistake. Install the package that contains mistake into"),
        ("dependent:Provider", "ModuleNotFoundError: no module no_such_library at "),
        ("incomplete:Provider", "SyntaxError at "),
        ("acmee", "names acmee, an unknown provider. Did you mean acme? Set it to static"),
    ],
)
def test_mistake_of_a_provider_is_reported_with_what_is_missing(reference: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    (tmp_path / "dependent.py").write_text("import no_such_library\n")
    (tmp_path / "incomplete.py").write_text("class Provider(\n")
    with pytest.raises(ConfigurationError) as caught:
        services_of({"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": reference})
    assert problem in caught.value.lines[0]
