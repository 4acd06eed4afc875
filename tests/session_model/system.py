"""The system: two replicas of the real application in this process and its commands, on one database."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import jwt
import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select, update

from app import create_app
from config.text import casefold_name
from database.session_table import SessionTable
from database.tables import revocations, roles, sessions, user_roles, users
from database.user_editor import UserEditor
from services.context import Services, services_of
from services.keys.directory import KeyDirectory
from services.sessions.sessions import Sessions
from tests.session_model.model import ACCESS_LIFETIME, IDLE_TIMEOUT, LOST_RESPONSE_TIMEOUT, SESSION_LIFETIME
from tests.support import login_clients
from tests.support.commands import run_command
from tests.support.session_rows import age_rotations
from tests.support.signed_tokens import segment
from tests.support.stores import engine_of
from tests.support.users import SampleUser

REPLICAS = (0, 1)
START = 1_900_000_000
ROLES = ("admin", "editor", "user")


class System:
    """The real system that is compared with the model. Its clock only moves when it is set."""

    def __init__(self, environ: Mapping[str, str], keys: Path) -> None:
        """Use a database that has tables, and delete their rows."""
        KeyDirectory(keys).add("ES256")
        self._environ = {
            **environ,
            "SIGNING_KEYS_DIR": str(keys),
            "OAUTH_CLIENTS": login_clients.OAUTH_CLIENT,
            "OAUTH_PASSWORD_GRANT": "true",
            "JWT_LIFETIME_MINUTES": str(ACCESS_LIFETIME // 60),
            "SESSION_IDLE_MINUTES": str(IDLE_TIMEOUT // 60),
            "SESSION_LIFETIME_MINUTES": str(SESSION_LIFETIME // 60),
        }
        self._patches = pytest.MonkeyPatch()
        self._patches.setattr(f"{Sessions.__module__}.LOST_RESPONSE_TIMEOUT", timedelta(seconds=LOST_RESPONSE_TIMEOUT))
        self._travel = time_machine.travel(START, tick=False)
        self.clock = self._travel.start()
        self._engine = engine_of(environ)
        self._delete_rows()
        self._apps = [create_app(self._environ), create_app(self._environ)]
        self.user_table = UserEditor(self._engine, "tests")
        self.user_table.add("keeper", None, "no hash", ["admin"])  # the last active administrator cannot be disabled
        self.session_table = SessionTable(self._engine)

    def close(self) -> None:
        """Restore the clock and the settings."""
        self._travel.stop()
        self._patches.undo()
        self._engine.dispose()

    def add_user(self, user: SampleUser, password_hash: str) -> None:
        """Add a user, and every role, to the user table."""
        self.user_table.add(user.username, user.email, password_hash, ROLES)
        self.set_roles(user, user.roles)

    def restart(self, replica: int) -> None:
        """Replace a replica with a new one, which has to read all revocations."""
        self._apps[replica] = create_app(self._environ)

    def client(self, replica: int) -> FlaskClient:
        return self._apps[replica].test_client()

    def run(self, *arguments: str, exit_code: int = 0) -> None:
        """Run a command of `flask`, and check its exit code."""
        result = run_command(*arguments, environ=self._environ)
        assert result.exit_code == exit_code, result.output

    def current_key(self, replica: int) -> str:
        """Return the id of the key that a replica signs with."""
        return self.key_of(self.issue(replica, {"username": "bystander"}))

    def key_of(self, token: str) -> str:
        """Return the id of the key that signed a token."""
        return str(jwt.get_unverified_header(token)["kid"])

    def reload_keys(self, *replicas: int) -> None:
        """Make replicas check the key directory, as they do every second: a token with an unknown key makes them."""
        unknown = f"{segment({'alg': 'ES256', 'typ': 'at+jwt', 'kid': token_hex(8)})}.e30.e30"
        for replica in replicas:
            assert self.call_guard(replica, unknown) == ("invalid_token", ())

    def refresh_revocations(self, *replicas: int) -> None:
        """Make replicas read the newest revocations, as they do every second."""
        for replica in replicas:
            current = self._services(replica).sessions
            assert current
            current.refresh_revocations()

    def issue(self, replica: int, payload: Mapping[str, object]) -> str:
        """Return a token without a session, as `generate_jwt` does."""
        return self._services(replica).issuer.generate(payload)

    def call_guard(self, replica: int, token: str) -> tuple[str, tuple[str, ...]]:
        """Return the code with which the guard rejects a token, and the roles in a token that it accepts."""
        response = self.client(replica).get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        body = response.json
        assert body is not None
        if response.status_code == 200:
            return "", tuple(body["data"]["roles"])
        assert response.status_code == 401, body
        return body["code"], ()

    def log_out(self, replica: int, token: str) -> str:
        """End the session of a token; return the error code."""
        response = self.client(replica).delete("/api/auth", headers={"Authorization": f"Bearer {token}"})
        assert response.json is not None
        return str(response.json.get("code", ""))

    def set_roles(self, user: SampleUser, names: tuple[str, ...]) -> None:
        """Set the roles of a user with SQL."""
        user_id = select(users.c.id).where(users.c.username_folded == casefold_name(user.username)).scalar_subquery()
        rows = select(user_id, roles.c.id).where(roles.c.name.in_(names))
        with self._engine.begin() as connection:
            connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
            connection.execute(insert(user_roles).from_select(["user_id", "role_id"], rows))

    def age_rotations(self, seconds: int) -> None:
        """Move the clock of the database, as far as sessions depend on it."""
        age_rotations(self._engine, timedelta(seconds=seconds))

    def disable_with_sql(self, user: SampleUser) -> None:
        """Disable a user without a revocation, so that only the user table shows it."""
        with self._engine.begin() as connection:
            change = update(users).where(users.c.username_folded == casefold_name(user.username))
            connection.execute(change.values(active=False))

    def set_hash_with_sql(self, user: SampleUser, password_hash: str) -> None:
        """Store a password hash without a revocation, as an operator can."""
        with self._engine.begin() as connection:
            change = update(users).where(users.c.username_folded == casefold_name(user.username))
            connection.execute(change.values(password_hash=password_hash))

    def _services(self, replica: int) -> Services:
        return services_of(self._apps[replica])

    def _delete_rows(self) -> None:
        with self._engine.begin() as connection:
            for table in (sessions, revocations, user_roles, roles, users):
                connection.execute(delete(table))
