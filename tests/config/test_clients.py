"""OAUTH_CLIENTS: an invalid list is rejected as a whole, and no secret is ever shown."""

import traceback
from pathlib import Path

import pytest

from app import create_app
from config.clients import OAuthSettings
from config.errors import ConfigurationError
from services.clients import Clients
from tests.support.stores import SECRET_KEY, services_of

SECRET = "a client's secret; of 32 bytes or more"
OTHER = "another:secret=with%everything&in it 7qZv"
TINY = "tiny"
BAD_ID = "has a client id that is not 1 to 64 letters, digits or any of . _ ~ -"
SHORT = "has a client with an invalid secret: it must be at least 32 bytes long"
REMEDY = (
    ". Set it to id:secret for each client, or only id for a client without a secret, comma-separated or one per line."
)


def read(environ: dict[str, str]) -> list[tuple[str, str | None]]:
    """Return the ids and the secrets of the clients."""
    clients = OAuthSettings.read(environ).registered_clients()
    return [(client.id, client.secret.get_secret_value() if client.secret else None) for client in clients]


def problem(clients: str) -> str:
    """Return the only problem of the list. Fails if the traceback shows a secret."""
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS": clients})
    (line,) = caught.value.lines
    shown = "".join(traceback.format_exception(caught.value))
    secrets = [one.partition(":")[2].strip() for one in clients.split(",")]
    assert [secret for secret in secrets if secret and secret in shown] == []
    assert line.startswith("OAUTH_CLIENTS has ")
    assert line.endswith(REMEDY)
    return line.removeprefix("OAUTH_CLIENTS ").removesuffix(REMEDY)


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
        ("a:R8xq0Vn3LzW6tYbJ2sHdKe9PfMu7GcAo", [("a", "R8xq0Vn3LzW6tYbJ2sHdKe9PfMu7GcAo")]),
    ],
)
def test_clients_are_comma_separated_or_one_per_line(written: str, clients: list[tuple[str, str | None]]) -> None:
    assert read({"OAUTH_CLIENTS": written}) == clients


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("x" * 65, BAD_ID),
        ("a b", BAD_ID),
        ("é", BAD_ID),
        ("١", BAD_ID),
        ("a/b", BAD_ID),
        ("a=b", BAD_ID),
        (f":{SECRET}", BAD_ID),
        (f"a :{SECRET}", BAD_ID),
        (f"a\tb:{SECRET}", BAD_ID),
        ("latchkey", "has the client id latchkey, which is reserved"),
        (f"latchkey:{SECRET}", "has the client id latchkey, which is reserved"),
        ("a:", SHORT),
        ("a:   ", SHORT),
        (f"a:{'s' * 31}", SHORT),
        (f"a:{'s' * 31} ", SHORT),
        (f"a: {'s' * 31}", SHORT),
        (f"a:{'é' * 40}", "has a client secret that is not printable ASCII"),
        (f"a:{SECRET}\t{SECRET}", "has a client secret that is not printable ASCII"),
        ("a:'R8xq0Vn3LzW6tYbJ2sHdKe9PfMu7GcAo'", "has a client with an invalid secret: it must not be in quotes"),
        (f"a:{SECRET}\udcff", "has a client secret that is not printable ASCII"),
        (
            "a:change-me-change-me-change-me-change-me",
            "has a client with an invalid secret: it must be a random secret, not a published example or a placeholder",
        ),
        (
            "a:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obV",
            "has a client with an invalid secret: it must be a random secret, not a PEM, SSH or JWK key",
        ),
        ("a,a", "has the same client id twice"),
        (f"a,b,a:{SECRET}", "has the same client id twice"),
        (f"a:{SECRET},a:{OTHER}", "has the same client id twice"),
        (f"a:{SECRET},b:tiny", SHORT),
    ],
)
def test_invalid_list_is_rejected_without_showing_it(written: str, found: str) -> None:
    assert problem(written) == found


@pytest.mark.parametrize("separator", [",", "\n"])
def test_valid_clients_of_an_invalid_list_are_not_shown(separator: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS": f"a:{SECRET}{separator}b:{OTHER}{separator}b:{TINY}"})
    shown = "".join(traceback.format_exception(caught.value))
    assert [secret for secret in (SECRET, OTHER, TINY) if secret in shown] == []


def test_list_can_be_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "clients"
    path.write_text(f"reports:{SECRET}\nphone\n\n", "utf-8")
    assert read({"OAUTH_CLIENTS_FILE": str(path)}) == [("reports", SECRET), ("phone", None)]
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS_FILE": str(path), "OAUTH_CLIENTS": "phone"})
    assert caught.value.lines[0].startswith("OAUTH_CLIENTS_FILE is set, and so is OAUTH_CLIENTS.")


@pytest.mark.parametrize("content", [None, b"\xff", b"a:short"])
def test_unusable_file_is_a_problem(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clients"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS_FILE": str(path)})
    (line,) = caught.value.lines
    assert line.startswith(
        ("OAUTH_CLIENTS_FILE names a file that ", "OAUTH_CLIENTS has a client with an invalid secret: it must be ")
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [("true", True), ("false", False), ("False", False), ("0", False), ("no", False), ("", False)],
)
def test_password_grant_is_disabled_unless_set_to_true(written: str, expected: bool) -> None:
    assert OAuthSettings.read({"OAUTH_PASSWORD_GRANT": written}).password_grant is expected


@pytest.mark.parametrize("written", ["never", "2", "fasle", "-"])
def test_password_grant_that_is_not_a_boolean_is_rejected(written: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_PASSWORD_GRANT": written})
    (line,) = caught.value.lines
    assert line.startswith("OAUTH_PASSWORD_GRANT is invalid: ")
    assert written not in line.removeprefix("OAUTH_PASSWORD_GRANT").split("Set it")[0].split()


@pytest.mark.parametrize("misspelled", ["OAUTH_CLIENT", "OAUTH_CLIENT_FILE", "OAUTH_PASSWORD_GRANTS", "OAUTH_PASSWORD"])
def test_misspelled_setting_is_a_problem(misspelled: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({misspelled: "false"})
    assert [line.split()[0] for line in caught.value.lines] == [misspelled]


def test_problem_of_the_list_is_reported_with_all_others(static_environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        services_of({**static_environ, "SECRET_KEY": "short", "OAUTH_CLIENTS": "a,a"})
    assert sorted(line.split()[0] for line in caught.value.lines) == ["OAUTH_CLIENTS", "SECRET_KEY"]


def test_valid_secret_is_not_shown_in_any_representation(
    static_environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
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
def test_client_is_authenticated_only_by_its_exact_secret(presented: str | None) -> None:
    clients = Clients(
        OAuthSettings.read({"OAUTH_CLIENTS": f"reports:{SECRET},phone"}).registered_clients(), password_grant=True
    )
    assert clients.authenticate("reports", SECRET)
    assert not clients.authenticate("reports", presented)
    assert not clients.authenticate("unknown", presented)
    assert bool(clients.authenticate("phone", presented)) == (presented is None)
