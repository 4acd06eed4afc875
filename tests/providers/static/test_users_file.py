"""The users file: its validation, its names, and what a login imports."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from providers.interface import AMBIGUOUS, DISABLED, Denied
from providers.static.provider import StaticProvider
from tests.support.foreign_hashes import PASSWORD as FOREIGN_PASSWORD
from tests.support.foreign_hashes import WEAK
from tests.support.stores import SECRET_KEY, hashed, users_file
from tests.support.users import ZOE, SampleUser

ROOT = Path(__file__).resolve().parents[3]
HASH = hashed(ZOE.password)
MINIMAL_FILE = f'[[users]]\nusername = "zoé"\npassword_hash = "{HASH}"\n'


def problems_of(path: Path, text: str | bytes) -> str:
    """Return the error for a file with this text, after a check that it quotes no value."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        StaticProvider(path)
    assert all(line.startswith("STATIC_USERS_FILE") for line in caught.value.lines)
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_problem_with_a_key_of_control_characters_is_one_line(tmp_path: Path) -> None:
    message = problems_of(tmp_path / "u", f'{MINIMAL_FILE}"a\\n\\u001b[2J" = 1\n')
    assert "user 1, a\\n\\x1b[2J is not a setting" in message


def test_plain_password_in_the_file_is_rejected(tmp_path: Path) -> None:
    message = problems_of(tmp_path / "u", MINIMAL_FILE + 'password = "hunter2"\n')
    assert "user 1, password must not be in the file. Write a password_hash instead" in message


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ("hunter2", "is plain text or has an unknown scheme"),
        ("", "is empty"),
        ("{SSHA}hunter2", "is cut off or damaged"),
        ("$2b$12$hunter2", "is cut off or damaged"),
        ("$y$j9T$hunter2", "is yescrypt, which is not supported"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "has no salt"),
    ],
)
def test_unusable_hash_is_rejected_with_its_reason(tmp_path: Path, stored: str, reason: str) -> None:
    message = problems_of(tmp_path / "u", f'[[users]]\nusername = "zoé"\npassword_hash = "{stored}"\n')
    assert f"user 1, password_hash {reason}: replace it with the output of `flask users hash`" in message


@pytest.mark.parametrize("scheme", ["bcrypt", "ssha"])
def test_hash_of_the_user_table_is_accepted(tmp_path: Path, scheme: str) -> None:
    stored = WEAK[scheme]
    (tmp_path / "u").write_text(f'[[users]]\nusername = "zoé"\npassword_hash = "{stored}"\n')
    assert StaticProvider(tmp_path / "u").authenticate("zoé", FOREIGN_PASSWORD)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{MINIMAL_FILE}{MINIMAL_FILE}rolls = ['hunter2']\n", "user 2, rolls is not a setting"),
        (f"hunter2 = 1\n{MINIMAL_FILE}".replace("hunter2", "people"), "people is not a setting"),
        (f"{MINIMAL_FILE}roles = 'hunter2'\n", "user 1, roles is invalid: "),
        (f"{MINIMAL_FILE}roles = ['user', '']\n", "user 1, roles, 1 must not be empty"),
        (f"{MINIMAL_FILE}active = 'hunter2'\n", "user 1, active is invalid: "),
        (f"{MINIMAL_FILE}email = ' '\n", "user 1, email must not be empty"),
        ("[[users]]\nusername = 'hunter2'\n", "user 1, password_hash is missing"),
        (f"[[users]]\nusername = \"hunter2\\u0000\"\npassword_hash = '{HASH}'\n", "username must not contain control"),
        (f"[[users]]\nusername = '{'hunter2' * 40}'\npassword_hash = '{HASH}'\n", "username must be at most 256"),
        ("[[users]]\nusername = 7\n", "user 1, username is invalid: input should be a valid string"),
        ("", "users is missing"),
        ("users = 'hunter2'", "users is invalid: input should be a valid list"),
        ("users = ['hunter2']", "user 1 is invalid: "),
        ("hunter2", "names a file that is not TOML in UTF-8 (at end of document)"),
        ("a = 1\nb = hunter2\n", "names a file that is not TOML in UTF-8 (at line 2, column 5)"),
        ("hunter2 = 1\nhunter2 = 2\n", "names a file that is not TOML in UTF-8 (at "),
        (b"name = 'hunter2\xff'\n", "names a file that is not TOML in UTF-8 (/"),
    ],
)
def test_problem_of_the_file_is_reported_with_its_place(tmp_path: Path, text: str | bytes, problem: str) -> None:
    assert problem in problems_of(tmp_path / "u", text)


def test_all_problems_of_the_file_are_reported_together(tmp_path: Path) -> None:
    message = problems_of(tmp_path / "u", "[[users]]\nroles = 1\n[[users]]\nusername = ''\npassword_hash = 'hunter2'\n")
    assert [re.findall(r"user \d, \w+", line)[0] for line in message.splitlines()[1:]] == [
        "user 1, username", "user 1, password_hash", "user 1, roles", "user 2, username", "user 2, password_hash"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"), [("Zoé", "zOÉ"), ("straße", "STRASSE"), ("zo\\u00e9", "zoe\\u0301"), ("a", " A ")]
)
def test_two_users_with_the_same_username_are_rejected(tmp_path: Path, one: str, other: str) -> None:
    text = "".join(f'[[users]]\nusername = "{name}"\npassword_hash = "{HASH}"\n' for name in (one, other))
    assert "has two users of the same username" in problems_of(tmp_path / "u", text)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_unreadable_file_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"a file that cannot be read: (No such file|Is a directory)"):
        StaticProvider(tmp_path / name)


def test_inactive_user_is_denied(tmp_path: Path) -> None:
    (tmp_path / "u").write_text(f"{MINIMAL_FILE}active = false\n")
    provider = StaticProvider(tmp_path / "u")
    answer = provider.authenticate("zoé", ZOE.password)
    assert isinstance(answer, Denied)
    assert answer.reason == DISABLED
    assert provider.find("zoé") is None


STATELESS = """
import json, sys
from app import create_app
environ, body = map(json.loads, sys.argv[1:])
assert create_app(environ).test_client().post("/api/auth", json=body).status_code == 200
print(sorted({"ldap3", "sqlalchemy", "alembic", "database.engine"} & set(sys.modules)))
"""


def test_static_provider_imports_neither_sqlalchemy_nor_ldap3(tmp_path: Path) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **users_file(tmp_path / "users.toml", [ZOE])}
    body = {"email": ZOE.email, "password": ZOE.password}
    command = [sys.executable, "-c", STATELESS, json.dumps(environ), json.dumps(body)]
    run = subprocess.run(command, cwd=ROOT, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr


@pytest.mark.parametrize(
    "text", ["$argon2id$hunter2", "$argon2id$v=19$m=19456,t=2,p=1$…", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"]
)
def test_malformed_hash_is_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.toml"
    path.write_text(f'[[users]]\nusername = "zoe"\npassword_hash = "{text}"\n')
    with pytest.raises(ConfigurationError, match="user 1, password_hash"):
        StaticProvider(path)


def test_email_equal_to_a_username_does_not_lock_its_user_out(tmp_path: Path) -> None:
    first = SampleUser("shared@example.org", "first@example.org", "the password of the first")
    second = SampleUser("second", "Shared@example.org", "the password of the second")
    users_file(tmp_path / "users.toml", [second, first])
    provider = StaticProvider(tmp_path / "users.toml")
    answer = provider.authenticate("SHARED@example.org", first.password)
    assert answer
    assert answer["username"] == "shared@example.org"
    assert not provider.authenticate("shared@example.org", second.password)
    assert provider.authenticate("second", second.password)
    assert _finding(provider, "names") == (
        "warning",
        "1 emails are another user's email or username too, for example Shared@example.org",
    )


def test_email_of_two_users_logs_neither_in_and_is_a_warning(tmp_path: Path) -> None:
    pair = [SampleUser(name, "both@example.org", f"the password of {name}") for name in ("first", "second")]
    users_file(tmp_path / "users.toml", pair)
    provider = StaticProvider(tmp_path / "users.toml")
    for user in pair:
        answer = provider.authenticate("both@example.org", user.password)
        assert isinstance(answer, Denied)
        assert answer.reason == AMBIGUOUS
        assert provider.authenticate(user.username, user.password)
    assert _finding(provider, "names")[0] == "warning"


def test_invisible_character_in_a_name_is_a_warning(tmp_path: Path) -> None:
    user = SampleUser("ro\u200bot", "root@example.org", "the password of root")
    users_file(tmp_path / "users.toml", [user])
    provider = StaticProvider(tmp_path / "users.toml")
    assert _finding(provider, "names") == (
        "warning",
        r"1 names have invisible characters, for example 'ro\u200bot'",
    )
    assert provider.authenticate(user.username, user.password)


def _finding(provider: StaticProvider, step: str) -> tuple[str, str]:
    (check,) = [check for check in provider.check() if check.step == step]
    return check.outcome, check.found
