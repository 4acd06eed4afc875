"""The name of a role: a comma, a semicolon or an invisible character is refused in settings and files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app
from config.errors import ConfigurationError
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE

REASONS = {
    "editor;admin": "must not contain a comma or a semicolon",
    "\u202eeditor": "must not contain invisible, private-use or unassigned characters",
    "admin\u200b": "must not contain invisible, private-use or unassigned characters",
}
DIRECTORY = {"AUTH_PROVIDER": "ldap", "LDAP_URL": "ldaps://localhost", "LDAP_BASE_DN": "dc=x"}


def roles_of_a_user(folder: Path, role: str) -> dict[str, str]:
    return users_file(folder / "users.toml", [replace(ZOE, roles=(role,))])


def role_map(_: Path, role: str) -> dict[str, str]:
    return {**DIRECTORY, "LDAP_ROLE_MAP": json.dumps({"cn=a,dc=x": [role]})}


def role_rules(folder: Path, role: str) -> dict[str, str]:
    file = folder / "rules.toml"
    file.write_text(f"[[rules]]\nroles = [{json.dumps(role)}]\n")
    return {**DIRECTORY, "LDAP_ROLE_RULES_FILE": str(file)}


def grantable_roles(folder: Path, role: str) -> dict[str, str]:
    url = f"sqlite:///{folder}/users.db"
    return {"AUTH_PROVIDER": "database", "DATABASE_URL": url, "ADMIN_GRANTABLE_ROLES": f"user,{role}"}


@pytest.mark.parametrize("environ_of", [roles_of_a_user, role_map, role_rules, grantable_roles])
@pytest.mark.parametrize("role", REASONS)
def test_misleading_role_prevents_the_start(
    environ_of: Callable[[Path, str], dict[str, str]], role: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app({"SECRET_KEY": SECRET_KEY, **environ_of(tmp_path, role)})
    assert REASONS[role] in str(caught.value)
