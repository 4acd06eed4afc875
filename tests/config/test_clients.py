"""OAUTH_CLIENTS: a list without a mistake, or no start; and no secret is ever shown."""

import traceback
from pathlib import Path

import pytest

from app import create_app
from config.clients import OAuthSettings
from config.errors import ConfigurationError
from services.clients import Clients
from tests.support.stores import SECRET_KEY, services_of

SECRET = "a client's secret; of 32 bytes or more"
OTHER = "another:secret=with%everything&in it"
TINY = "tiny"
WHAT = "Write id:secret for each client, or only id for one without a secret, separated by commas or lines."


def read(environ: dict[str, str]) -> list[tuple[str, str | None]]:
    """Return the clients that are registered."""
    clients = OAuthSettings.read(environ).registered_clients()
    return [(client.id, client.secret.get_secret_value() if client.secret else None) for client in clients]


def refusal(clients: str) -> str:
    """Return the one line that refuses the list, once it is sure that no traceback has a secret."""
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS": clients})
    (line,) = caught.value.lines
    shown = "".join(traceback.format_exception(caught.value))
    secrets = [one.partition(":")[2].strip() for one in clients.split(",")]
    assert [secret for secret in secrets if secret and secret in shown] == []
    assert line.startswith("OAUTH_CLIENTS cannot be used: ")
    assert line.endswith(WHAT)
    return line


@pytest.mark.parametrize(
    ("written", "clients"),
    [
        ("", []),
        (" , \n,", []),
        ("phone", [("phone", None)]),
        (f"reports:{SECRET}", [("reports", SECRET)]),
        (f"reports:{SECRET},phone,other:{OTHER}", [("reports", SECRET), ("phone", None), ("other", OTHER)]),
        (f" reports:{SECRET} ,\n phone\n\n", [("reports", SECRET), ("phone", None)]),
        (f"reports:{SECRET}\r\nphone\r\n", [("reports", SECRET), ("phone", None)]),
        ("A-z.0_9~", [("A-z.0_9~", None)]),
        ("x" * 64, [("x" * 64, None)]),
        ("App,app", [("App", None), ("app", None)]),
        (f"a:{'s' * 32}", [("a", "s" * 32)]),
    ],
)
def test_clients_are_listed_by_commas_or_lines(written: str, clients: list[tuple[str, str | None]]) -> None:
    assert read({"OAUTH_CLIENTS": written}) == clients


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("x" * 65, "a client's id is not 1 to 64 letters"),
        ("a b", "a client's id is not 1 to 64 letters"),
        ("é", "a client's id is not 1 to 64 letters"),
        ("١", "a client's id is not 1 to 64 letters"),
        ("a/b", "a client's id is not 1 to 64 letters"),
        ("a=b", "a client's id is not 1 to 64 letters"),
        ("a\0", "a client's id is not 1 to 64 letters"),
        (f":{SECRET}", "a client's id is not 1 to 64 letters"),
        (f"a :{SECRET}", "a client's id is not 1 to 64 letters"),
        (f"a\tb:{SECRET}", "a client's id is not 1 to 64 letters"),
        ("latchkey", "the client id latchkey is our own"),
        (f"latchkey:{SECRET}", "the client id latchkey is our own"),
        ("a:", "it is shorter than 32 bytes"),
        ("a:   ", "it is shorter than 32 bytes"),
        (f"a:{'s' * 31}", "it is shorter than 32 bytes"),
        (f"a:{'s' * 31} ", "it is shorter than 32 bytes"),
        (f"a: {'s' * 31}", "it is shorter than 32 bytes"),
        (f"a:{'é' * 40}", "a client's secret is not ASCII text"),
        (f"a:{SECRET}\t{SECRET}", "a client's secret is not ASCII text"),
        (f"a:{SECRET}\0", "a client's secret is not ASCII text"),
        (f"a:{SECRET}\udcff", "a client's secret is not ASCII text"),
        ("a:change-me-change-me-change-me-change-me", "it is an example that everyone knows"),
        ("a:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obV", "it looks like a PEM, SSH or JWK key"),
        ("a,a", "a client's id stands there twice"),
        (f"a,b,a:{SECRET}", "a client's id stands there twice"),
        (f"a:{SECRET},a:{OTHER}", "a client's id stands there twice"),
        (f"a:{SECRET},b:tiny", "it is shorter than 32 bytes"),
    ],
)
def test_a_mistake_is_refused_by_name_and_without_the_value(written: str, why: str) -> None:
    assert why in refusal(written)


@pytest.mark.parametrize("beside", [",", "\n"])
def test_the_good_ones_beside_a_bad_one_are_not_shown_either(beside: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS": f"a:{SECRET}{beside}b:{OTHER}{beside}b:{TINY}"})
    shown = "".join(traceback.format_exception(caught.value))
    assert [secret for secret in (SECRET, OTHER, TINY) if secret in shown] == []


def test_the_list_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    path.write_text(f"reports:{SECRET}\nphone\n\n", "utf-8")
    assert read({"OAUTH_CLIENTS_FILE": str(path)}) == [("reports", SECRET), ("phone", None)]
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS_FILE": str(path), "OAUTH_CLIENTS": "phone"})
    assert caught.value.lines[0].startswith("OAUTH_CLIENTS_FILE is set, and so is OAUTH_CLIENTS.")


@pytest.mark.parametrize("content", [None, b"\xff", b"a:short"])
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clients"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS_FILE": str(path)})
    (line,) = caught.value.lines
    assert line.startswith(("OAUTH_CLIENTS_FILE cannot be read", "OAUTH_CLIENTS cannot be used"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [("true", True), ("false", False), ("False", False), ("0", False), ("no", False), ("", True)],
)
def test_the_password_grant_is_on_unless_it_is_switched_off(written: str, expected: bool) -> None:
    assert OAuthSettings.read({"OAUTH_PASSWORD_GRANT": written}).password_grant is expected


@pytest.mark.parametrize("written", ["never", "2", "fasle", "-"])
def test_a_switch_that_is_neither_on_nor_off_is_refused(written: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_PASSWORD_GRANT": written})
    (line,) = caught.value.lines
    assert line.startswith("OAUTH_PASSWORD_GRANT cannot be used: ")
    assert written not in line.removeprefix("OAUTH_PASSWORD_GRANT").split("Write")[0].split()


@pytest.mark.parametrize("misspelt", ["OAUTH_CLIENT", "OAUTH_CLIENT_FILE", "OAUTH_PASSWORD_GRANTS", "OAUTH_PASSWORD"])
def test_a_misspelt_setting_is_refused(misspelt: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({misspelt: "false"})
    assert [line.split()[0] for line in caught.value.lines] == [misspelt]


def test_a_mistake_stops_the_start_beside_all_others(static_environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        services_of({**static_environ, "SECRET_KEY": "short", "OAUTH_CLIENTS": "a,a"})
    assert sorted(line.split()[0] for line in caught.value.lines) == ["OAUTH_CLIENTS", "SECRET_KEY"]


def test_a_good_secret_is_shown_nowhere(static_environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "OAUTH_CLIENTS": f"reports:{SECRET}"}
    settings = OAuthSettings.read(environ)
    services = services_of(environ)
    client = services.clients.authenticate("reports", SECRET)
    assert client
    create_app(environ)
    things = (settings, settings.model_dump(), settings.registered_clients(), services, client, vars(services.clients))
    assert [thing for thing in things if SECRET in f"{thing!r} {thing}"] == []
    assert SECRET not in caplog.text + settings.model_dump_json()


@pytest.mark.parametrize("presented", [f"{SECRET} ", SECRET.upper(), SECRET[:-1], "", "é", "\ud800", None])
def test_only_the_secret_itself_proves_a_client(presented: str | None) -> None:
    clients = Clients(
        OAuthSettings.read({"OAUTH_CLIENTS": f"reports:{SECRET},phone"}).registered_clients(), password_grant=True
    )
    assert clients.authenticate("reports", SECRET)
    assert clients.authenticate("reports", presented) is None
    assert clients.authenticate("nobody", presented) is None
    assert bool(clients.authenticate("phone", presented)) == (presented is None)
