"""Stores whose users can be changed, each with a database of sessions."""

from pathlib import Path
from typing import Protocol

from ldap3 import MODIFY_ADD, MODIFY_DELETE
from sqlalchemy import delete, select, update

from database.tables import roles, user_roles, users
from database.user_editor import UserEditor
from tests.servers.slapd import SUFFIX, Slapd
from tests.support.stores import engine_of, hashed, user_table, users_file
from tests.support.users import SampleUser

CHANGED_USER = SampleUser("leaver", "leaver@example.org", "the password of a leaver", ("user",))


class MutableStore(Protocol):
    """A store of one user, CHANGED_USER, who has the role `user`."""

    environ: dict[str, str]

    def promote(self) -> None:
        """Replace the role of the user with `admin`."""

    def remove(self) -> None:
        """Delete the user."""

    def disable(self) -> None:
        """Disable the user in the store itself, or delete the user if the store cannot disable users."""


class MutableUsersFile:
    """A users file, with sessions in SQLite."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "users.toml"
        sessions = user_table(f"sqlite:///{directory}/sessions.db", [])
        self.environ = {**sessions, **users_file(self._path, [CHANGED_USER])}

    def promote(self) -> None:
        users_file(
            self._path, [SampleUser(CHANGED_USER.username, CHANGED_USER.email, CHANGED_USER.password, ("admin",))]
        )

    def remove(self) -> None:
        users_file(self._path, [SampleUser("another", "another@example.org", CHANGED_USER.password)])

    def disable(self) -> None:
        self._path.write_text(f"{self._path.read_text('utf-8')}active = false\n", "utf-8")


class MutableUserTable:
    """A user table, with sessions in the same database."""

    def __init__(self, url: str) -> None:
        self.environ = user_table(url, [CHANGED_USER])
        self._engine = engine_of(self.environ)

    def promote(self) -> None:
        UserEditor(self._engine, "tests").add("another", None, hashed("x"), ["admin"])
        admin = select(roles.c.id).where(roles.c.name == "admin").scalar_subquery()
        with self._engine.begin() as connection:
            user_id = select(users.c.id).where(users.c.username == CHANGED_USER.username).scalar_subquery()
            connection.execute(update(user_roles).where(user_roles.c.user_id == user_id).values(role_id=admin))

    def remove(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(users).where(users.c.username == CHANGED_USER.username))

    def disable(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(users).values(active=False))


class MutableDirectory:
    """An LDAP directory, with sessions in a database without users."""

    def __init__(self, server: Slapd, url: str) -> None:
        self._server = server
        self._dn = f"uid={CHANGED_USER.username},ou=people,{SUFFIX}"
        self.environ = {**user_table(url, []), **server.environ()}
        server.add_person(CHANGED_USER)

    def promote(self) -> None:
        connection = self._server.admin()
        for group, change in (("admin", MODIFY_ADD), ("user", MODIFY_DELETE)):
            connection.modify(f"cn={group},ou=groups,{SUFFIX}", {"member": [(change, [self._dn])]})  # type: ignore[no-untyped-call]
        connection.unbind()

    def remove(self) -> None:
        connection = self._server.admin()
        connection.delete(self._dn)  # type: ignore[no-untyped-call]
        connection.unbind()

    disable = remove
