"""`make run`: a service to try things with. The first start makes all it needs, the next ones change nothing."""

import json
import os
import secrets
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple

import click
from gunicorn.app.wsgiapp import WSGIApplication

from cli.terminal import CommandError, translate_command_errors
from config.environment import DEVELOPMENT_FILE
from config.errors import collect_errors
from config.service_settings import USER_TABLE_PROVIDER, ServerSettings
from config.settings import Settings
from database.engine import open_engine
from database.schema import upgrade
from database.user_editor import UserEditor
from passwords.hashing import generate_password, hash_password
from services.factory import create_services

ADMIN, ADMIN_EMAIL = "admin", "admin@example.org"


class _Server(WSGIApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn as deployments run it, by gunicorn.conf.py, but with one worker and without its own words."""

    def __init__(self, greet: Callable[[], None]) -> None:
        self._greet = greet
        super().__init__("%(prog)s")

    def load_config(self) -> None:
        super().load_config()
        self.cfg.set("workers", 1)
        self.cfg.set("loglevel", "warning")
        self.cfg.set("when_ready", lambda _arbiter: self._greet())


def main() -> None:
    """Make what is missing, then serve until Ctrl-C."""
    os.umask(0o077)  # what is made here is for nobody else's eyes: a secret, and password hashes
    try:
        _write_development_file()
        settings = Settings.of_process()
        server, _ = collect_errors(lambda: settings.server, lambda: create_services(settings))
        _refuse_taken_port(server)
        admin = _prepare_database(settings) if settings.has_database else None
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    _Server(lambda: _greet(server, admin)).run()


def _write_development_file() -> None:
    try:
        descriptor = os.open(DEVELOPMENT_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(
            "# Made by `make run`, for this machine alone. What is set in the environment beats it.\n"
            f"SECRET_KEY={secrets.token_urlsafe(48)}\n"
            "AUTH_PROVIDER=database\n"
            "DATABASE_URL=sqlite:///development.db\n"
        )
    click.echo(f"Wrote {DEVELOPMENT_FILE.name}: a development configuration with a new SECRET_KEY.")


def _refuse_taken_port(server: ServerSettings) -> None:
    try:
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        socket.create_server((server.host, server.port), family=family).close()
    except (socket.gaierror, UnicodeError):
        raise CommandError("HOST is no host that can be listened on. Write 127.0.0.1, or leave it out") from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise CommandError(f"cannot listen on HOST and PORT: {reason}. For another port: PORT=5001 make run") from None


def _prepare_database(settings: Settings) -> "_Admin | None":
    """Make the tables, and an admin if there is no user yet; returns the admin, `None` if there is none."""
    engine = open_engine(settings.database, may_create=True)
    users = UserEditor(engine, "cli:make run")
    with translate_command_errors():
        upgrade(engine)
        if USER_TABLE_PROVIDER not in settings.providers.provider:
            return None
        password = generate_password() if users.users.is_empty() else None
        if password:
            users.add(ADMIN, ADMIN_EMAIL, hash_password(password), ["admin", "user"])
        found = users.users.find(ADMIN)
    engine.dispose()
    return _Admin(found.email or ADMIN, password) if found else None


class _Admin(NamedTuple):
    login: str
    password: str | None
    """`None` if it was made in an earlier start."""


def _greet(server: ServerSettings, admin: _Admin | None) -> None:
    url = f"http://{server.address}"
    login, password = admin or ("YOUR LOGIN", None)
    click.echo(f"\nLatchkey serves on {url} (Ctrl-C ends it).\n")
    if password:
        click.echo(f"  admin     {login}\n  password  {password}    (shown this once)\n")
    elif admin:
        click.echo(f"Another password for the admin: .venv/bin/flask users set-password {ADMIN}\n")
    credentials = json.dumps({"email": login, "password": password or "YOUR PASSWORD"})
    # Through standard input: a password in curl's arguments would stand in the list of processes.
    click.echo(f"Log in:\necho '{credentials}' | curl -sH 'Content-Type: application/json' -d @- {url}/api/auth")


if __name__ == "__main__":
    main()
