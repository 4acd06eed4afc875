"""Providers that other people wrote, found by reference or by entry point."""

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

# As an author writes it: nothing of ours is imported.
PLUGIN = """
import ourlib_that_is_fine as _


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
    """Put a third party's package where packages are, with its entry points."""
    package = tmp_path / "acme_auth"
    package.mkdir()
    (tmp_path / "ourlib_that_is_fine.py").touch()
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
    for name in [name for name in sys.modules if name.startswith("acme_auth")]:
        del sys.modules[name]


def refusal(environ: dict[str, str]) -> str:
    """Return what is wrong, which names the variable and never a value."""
    with pytest.raises(ConfigurationError) as caught:
        services_of(environ)
    (line,) = caught.value.lines
    assert line.startswith("AUTH_PROVIDER cannot be used: ")
    assert PASSWORD not in str(caught.value)
    return line


@pytest.mark.parametrize("name", ["acme", "acme_auth.provider:Provider"])
def test_a_third_partys_provider_lets_its_users_in(name: str) -> None:
    client = create_app({**ENVIRON, "AUTH_PROVIDER": name}).test_client()
    answer = client.post("/api/auth", json={"email": "wile", "password": PASSWORD})
    assert answer.status_code == 200
    bearer = {"Authorization": f"Bearer {answer.get_json()['data']}"}
    assert client.get("/api/protected_route", headers=bearer).status_code == 200
    assert client.get("/api/protected_route_admin", headers=bearer).status_code == 403
    assert client.post("/api/auth", json={"email": "wile", "password": "wrong"}).status_code == 400


def test_a_third_partys_provider_stands_in_a_chain(static_environ: dict[str, str]) -> None:
    app = create_app({**ENVIRON, **static_environ, "AUTH_PROVIDER": "static, acme"})
    answer = app.test_client().post("/api/auth", json={"email": "wile", "password": PASSWORD})
    assert answer.status_code == 200


def test_nobody_takes_the_name_of_one_of_ours(static_environ: dict[str, str]) -> None:
    provider = open_provider("static", {**ENVIRON, **static_environ})
    assert type(provider).__module__ == "providers.static.provider"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("acme_auth.provider:fails", "a factory failed with KeyError at "),
        ("acme_auth.provider:takes_nothing", "a factory failed with TypeError at "),
        ("acme_auth.provider:number", "a factory failed with TypeError at "),
        ("acme_auth.provider:nonsense", "returned something that has no method authenticate"),
        ("acme_auth.provider:nothing", "returned something that has no method authenticate"),
        ("acme_auth.provider:missing", "a factory cannot be imported: AttributeError"),
        ("acme_auth.missing:Provider", "a factory cannot be imported: ModuleNotFoundError"),
        ("no_such_package:Provider", "a factory cannot be imported: ModuleNotFoundError"),
        ("acme_auth.broken:Provider", "a factory cannot be imported: RuntimeError"),
        ("acme-broken", "a factory cannot be imported: RuntimeError"),
        ("acme_auth.provider:", "a factory cannot be imported: "),
        (":Provider", "a factory cannot be imported: "),
        ("a b:c d", "a factory cannot be imported: "),
    ],
)
def test_a_factory_that_gives_no_provider_is_refused(name: str, told: str) -> None:
    assert told in refusal({**ENVIRON, "AUTH_PROVIDER": name})


def test_a_failed_factory_is_told_by_its_place(tmp_path: Path) -> None:
    line = PLUGIN.splitlines().index('    raise KeyError(environ["ACME_PASSWORD"])') + 1
    place = f"{tmp_path / 'acme_auth' / 'provider.py'}, line {line}"
    assert place in refusal({**ENVIRON, "AUTH_PROVIDER": "acme_auth.provider:fails"})


@pytest.mark.parametrize("name", ["acme-tool", "Static", "acme_auth.provider", "ldap3", "none", "*"])
def test_an_unknown_name_is_refused_with_those_that_there_are(name: str) -> None:
    assert "Write static, database, ldap, or package.module:factory" in refusal({**ENVIRON, "AUTH_PROVIDER": name})


@pytest.mark.parametrize("names", ["acme,acme", "static,acme,static", "acme , acme"])
def test_a_name_that_stands_twice_is_refused(names: str, static_environ: dict[str, str]) -> None:
    assert "a name stands there twice" in refusal({**ENVIRON, **static_environ, "AUTH_PROVIDER": names})


def test_a_factorys_own_configuration_error_is_told_as_it_is() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_provider("config.settings:TokenSettings.read", {"JWT_LIFETIME_MINUTES": "0"})
    assert caught.value.lines[0].startswith("JWT_LIFETIME_MINUTES ")


def test_no_value_is_in_the_traceback_of_a_failed_factory() -> None:
    with pytest.raises(ConfigurationError) as caught:
        services_of({**ENVIRON, "AUTH_PROVIDER": "acme_auth.provider:fails"})
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_factory_that_ends_the_process_is_refused_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_PROVIDER"):
        open_provider("builtins:exit", {"SECRET_KEY": "hunter2"})
    assert capfd.readouterr() == ("", "")


def test_a_factory_that_returns_a_class_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="AUTH_PROVIDER"):
        open_provider("tests.providers.test_registry:returns_a_class", {})


def returns_a_class(_environ: Mapping[str, str]) -> type:
    return StaticProvider
