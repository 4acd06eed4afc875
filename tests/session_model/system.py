"""Two replicas of the real application in this process, with the commands beside them, on one database."""

from collections.abc import Mapping
from pathlib import Path

import jwt
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select, update

from app import create_app
from config.text import casefold_name
from database.session_table import SessionTable
from database.tables import revocations, roles, sessions, user_roles, users
from database.user_editor import UserEditor
from services.keys.directory import KeyDirectory
from tests.session_model.model import ACCESS, IDLE, LIFETIME
from tests.support import login_clients
from tests.support.commands import run_command
from tests.support.signed_tokens import segment
from tests.support.stores import engine_of
from tests.support.users import SampleUser

BOTH = (0, 1)
START = 1_900_000_000
ROLES = ("admin", "editor", "user")


class World:
    """The real thing that the model is held against. Its clock stands still unless it is moved."""

    def __init__(self, environ: Mapping[str, str], keys: Path) -> None:
        """The database has tables; what is in them is cleared away."""
        KeyDirectory(keys).add("ES256")
        self._environ = {
            **environ,
            "SIGNING_KEYS_DIR": str(keys),
            "OAUTH_CLIENTS": login_clients.OAUTH_CLIENT,
            "JWT_LIFETIME_MINUTES": str(ACCESS // 60),
            "SESSION_IDLE_MINUTES": str(IDLE // 60),
            "SESSION_LIFETIME_MINUTES": str(LIFETIME // 60),
        }
        self._travel = time_machine.travel(START, tick=False)
        self.clock = self._travel.start()
        self._engine = engine_of(environ)
        self._clear()
        self._apps = [create_app(self._environ), create_app(self._environ)]
        self.table = UserEditor(self._engine, "tests")
        self.table.add("keeper", None, "no hash", ["admin"])  # the last active admin cannot be disabled
        self.session_table = SessionTable(self._engine)

    def close(self) -> None:
        """Let time go on."""
        self._travel.stop()
        self._engine.dispose()

    def add(self, person: SampleUser, password_hash: str) -> None:
        """Put a person and every role into the user table."""
        self.table.add(person.username, person.email, password_hash, ROLES)
        self.give(person, person.roles)

    def restart(self, replica: int) -> None:
        """Replace one of the two by a new one, which has to read what is revoked."""
        self._apps[replica] = create_app(self._environ)

    def client(self, replica: int) -> FlaskClient:
        """Return a client of one of the two."""
        return self._apps[replica].test_client()

    def command(self, *arguments: str, refused: bool = False) -> None:
        """Run a command of `flask`, and see that it does what it is told, or refuses."""
        result = run_command(*arguments, environ=self._environ)
        assert result.exit_code == (2 if refused else 0), result.output

    def current_key(self, replica: int) -> str:
        """Return the id of the key with which a replica signs."""
        return self.key_of(self.issue(replica, {"username": "bystander"}))

    def key_of(self, token: str) -> str:
        """Return the id of the key that has signed a token."""
        return str(jwt.get_unverified_header(token)["kid"])

    def see_keys(self, *which: int) -> None:
        """Have replicas look at the key folder, which a second would do: a key that they do not know makes them."""
        stranger = f"{segment({'alg': 'ES256', 'typ': 'at+jwt', 'kid': 'stranger'})}.e30.e30"
        for replica in which:
            assert self.ask(replica, stranger) == ("invalid_token", ())

    def see_revocations(self, *which: int) -> None:
        """Have replicas read what is new, which a second would do."""
        for replica in which:
            self._apps[replica].extensions["latchkey"].sessions.refresh_revocations()

    def issue(self, replica: int, payload: Mapping[str, object]) -> str:
        """Return a token without a session, as a program on top of ours would make it."""
        token: str = self._apps[replica].extensions["latchkey"].issuer.generate(payload)
        return token

    def ask(self, replica: int, token: str) -> tuple[str, tuple[str, ...]]:
        """Return the code with which the guard refuses a token, and the roles that it reads in a good one."""
        answer = self.client(replica).get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        body = answer.json
        assert body is not None
        if answer.status_code == 200:
            return "", tuple(body["data"]["roles"])
        assert answer.status_code == 401, body
        return body["code"], ()

    def log_out(self, replica: int, token: str) -> str:
        """End the session of a token; returns the code of a refusal."""
        answer = self.client(replica).delete("/api/auth", headers={"Authorization": f"Bearer {token}"})
        assert answer.json is not None
        return str(answer.json.get("code", ""))

    def give(self, person: SampleUser, names: tuple[str, ...]) -> None:
        """Give a user these roles and no others, by hand."""
        user_id = select(users.c.id).where(users.c.username_folded == casefold_name(person.username)).scalar_subquery()
        held = select(user_id, roles.c.id).where(roles.c.name.in_(names))
        with self._engine.begin() as connection:
            connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
            connection.execute(insert(user_roles).from_select(["user_id", "role_id"], held))

    def switch_off(self, person: SampleUser) -> None:
        """Disable a user by hand, so that nothing but the user table tells."""
        with self._engine.begin() as connection:
            change = update(users).where(users.c.username_folded == casefold_name(person.username))
            connection.execute(change.values(active=False))

    def _clear(self) -> None:
        with self._engine.begin() as connection:
            for table in (sessions, revocations, user_roles, roles, users):
                connection.execute(delete(table))
