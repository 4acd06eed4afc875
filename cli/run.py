"""`make run`: a service for development. The first start creates what it needs, and later starts use it."""

import json
import logging
import os
import secrets
import sys
from collections.abc import Callable
from typing import NamedTuple

import click
from flask.helpers import get_debug_flag
from gunicorn.app.wsgiapp import WSGIApplication

from cli.listening import require_free_address
from cli.terminal import translate_command_errors
from config.environment import DEVELOPMENT_FILE
from config.errors import collect_errors
from config.service_settings import USER_TABLE_PROVIDER, ServerSettings
from config.settings import Settings
from database.engine import open_engine
from database.schema import upgrade
from database.user_editor import UserEditor
from passwords.hashing import generate_password, hash_password
from services import start_report
from services.factory import create_services, require_safe_start
from services.start_report import describe_configuration

ADMIN, ADMIN_EMAIL = "admin", "admin@example.org"


class _Server(WSGIApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with gunicorn.conf.py, as in a deployment, but with one worker, and with warnings and errors only."""

    def __init__(self, greet: Callable[[], None]) -> None:
        self._greet = greet
        super().__init__("%(prog)s")

    def load_config(self) -> None:
        super().load_config()
        self.cfg.set("workers", 1)
        self.cfg.set("loglevel", "warning")
        self.cfg.set("when_ready", lambda _arbiter: self._greet())


def main() -> None:
    """Create the configuration, tables and administrator that are missing, then serve until Ctrl-C."""
    os.umask(0o077)  # the files contain a secret key and password hashes
    try:
        with translate_command_errors():
            _write_development_file()
        settings = Settings.of_process()
        server, services, *_ = collect_errors(
            lambda: settings.server,
            lambda: create_services(settings),
            lambda: require_safe_start(settings, settings.server.host, get_debug_flag()),
        )
        require_free_address(server.host, server.port)
        admin = _prepare_database(settings) if settings.has_database else None
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    in_force = describe_configuration(settings, services)
    logging.getLogger(start_report.__name__).setLevel(logging.WARNING)  # the greeting has this line
    _Server(lambda: _greet(server, admin, in_force)).run()


def _write_development_file() -> None:
    try:
        descriptor = os.open(DEVELOPMENT_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(
            "# Created by `make run` for development on this machine. Environment variables take precedence.\n"
            f"SECRET_KEY={secrets.token_hex(32)}\n"
            "AUTH_PROVIDER=database\n"
            "DATABASE_URL=sqlite:///development.db\n"
            "EXAMPLE_ROUTES=true\n"
        )
    click.echo(f"Created {DEVELOPMENT_FILE.name}: a development configuration with a new SECRET_KEY.")


def _prepare_database(settings: Settings) -> "_Admin | None":
    """Create or upgrade the tables, and add an administrator if the user table is used and empty.

    Return the user `admin`; None if there is no such user.
    """
    engine = open_engine(settings.database, may_create=True)
    editor = UserEditor(engine, "cli:make run")
    with translate_command_errors():
        upgrade(engine)
        if USER_TABLE_PROVIDER not in settings.providers.provider:
            return None
        password = generate_password() if editor.users.is_empty() else None
        if password:
            editor.add(ADMIN, ADMIN_EMAIL, hash_password(password), ["admin", "user"])
        admin = editor.users.find(ADMIN)
    engine.dispose()
    return _Admin(admin.email or ADMIN, password) if admin else None


class _Admin(NamedTuple):
    login: str
    password: str | None
    """None if an earlier start created the administrator."""


def _greet(server: ServerSettings, admin: _Admin | None, in_force: str) -> None:
    url = f"http://{server.address}"
    login, password = admin or ("YOUR LOGIN", None)
    click.echo(f"\nLatchkey is running on {url} (Ctrl-C to stop).\nIn force: {in_force}.\n")
    if password:
        click.echo(f"  admin     {login}\n  password  {password}    (shown only once)\n")
    elif admin:
        click.echo(f"To set a new password for the administrator: .venv/bin/flask users set-password {ADMIN}\n")
    credentials = json.dumps({"email": login, "password": password or "YOUR PASSWORD"})
    # On standard input, because other users can see curl's arguments in the list of processes.
    click.echo(f"Log in:\necho '{credentials}' | curl -sH 'Content-Type: application/json' -d @- {url}/api/auth")


if __name__ == "__main__":
    main()
