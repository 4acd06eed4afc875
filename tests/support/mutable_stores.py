"""Stores whose people change, each with a database of sessions."""

from pathlib import Path
from typing import Protocol

from ldap3 import MODIFY_ADD, MODIFY_DELETE
from sqlalchemy import delete, select, update

from database.tables import roles, user_roles, users
from database.user_editor import UserEditor
from tests.servers.slapd import SUFFIX, Slapd
from tests.support.stores import engine_of, hashed, user_table, users_file
from tests.support.users import SampleUser

REMOVED_USER = SampleUser("leaver", "leaver@example.org", "the password of a leaver", ("user",))


class Living(Protocol):
    """A store that knows the leaver, who has the role `user`."""

    environ: dict[str, str]

    def promote(self) -> None:
        """Give the leaver the role `admin` instead."""

    def remove(self) -> None:
        """Take the leaver away."""

    def disable(self) -> None:
        """Disable the leaver by hand, behind our commands' back, or take them away where that is the same."""


class LivingFile:
    """A users file, with sessions in SQLite."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "users.toml"
        sessions = user_table(f"sqlite:///{folder}/sessions.db", [])
        self.environ = {**sessions, **users_file(self._path, [REMOVED_USER])}

    def promote(self) -> None:
        users_file(
            self._path, [SampleUser(REMOVED_USER.username, REMOVED_USER.email, REMOVED_USER.password, ("admin",))]
        )

    def remove(self) -> None:
        users_file(self._path, [SampleUser("another", "another@example.org", REMOVED_USER.password)])

    def disable(self) -> None:
        self._path.write_text(f"{self._path.read_text('utf-8')}active = false\n", "utf-8")


class LivingTable:
    """A user table, with sessions beside it."""

    def __init__(self, url: str) -> None:
        self.environ = user_table(url, [REMOVED_USER])
        self._engine = engine_of(self.environ)

    def promote(self) -> None:
        UserEditor(self._engine, "tests").add("another", None, hashed("x"), ["admin"])
        admin = select(roles.c.id).where(roles.c.name == "admin").scalar_subquery()
        with self._engine.begin() as connection:
            leaver = select(users.c.id).where(users.c.username == REMOVED_USER.username).scalar_subquery()
            connection.execute(update(user_roles).where(user_roles.c.user_id == leaver).values(role_id=admin))

    def remove(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(users).where(users.c.username == REMOVED_USER.username))

    def disable(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(users).values(active=False))


class LivingDirectory:
    """A directory, with sessions in a database without users."""

    def __init__(self, server: Slapd, url: str) -> None:
        self._server = server
        self._dn = f"uid={REMOVED_USER.username},ou=people,{SUFFIX}"
        self.environ = {**user_table(url, []), **server.environ()}
        server.add_person(REMOVED_USER)

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
