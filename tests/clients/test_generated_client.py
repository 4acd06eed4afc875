"""A client that openapi-python-client generates from `/openapi.json` logs in and lists users."""

import subprocess
import sys
from pathlib import Path

import requests

from tests.servers.gunicorn import gunicorn
from tests.support.stores import user_table
from tests.support.users import ZOE

SCRIPT = """
import os
from latchkey_client import AuthenticatedClient, Client
from latchkey_client.api.sessions import auth
from latchkey_client.api.users import list_users, show_user
from latchkey_client.models import Credentials, Error

url = os.environ["URL"]
denied = auth.sync(client=Client(url), body=Credentials(email=os.environ["EMAIL"], password="wrong"))
assert isinstance(denied, Error) and denied.code == "invalid_credentials", denied
tokens = auth.sync(client=Client(url), body=Credentials(email=os.environ["EMAIL"], password=os.environ["PASSWORD"]))
client = AuthenticatedClient(url, token=tokens.data)
page = list_users.sync(client=client, limit=10)
print([user.username for user in page.data], page.next_)
print(show_user.sync(user_id=page.data[0].id, client=client).data.roles)
"""


def generate(document: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    completed = subprocess.run(
        [*command, "--output-path", str(folder / "latchkey_client")], capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "WARNING" not in completed.stdout + completed.stderr


def test_generated_client_logs_in_and_lists_users(tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path / 'users.db'}", [ZOE])
    with gunicorn(environ) as service:
        document = tmp_path / "openapi.json"
        document.write_bytes(requests.get(f"{service}/openapi.json", timeout=60).content)
        generate(document, tmp_path)
        variables = {"URL": service, "EMAIL": ZOE.email, "PASSWORD": ZOE.password, "PYTHONPATH": str(tmp_path)}
        completed = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=variables, capture_output=True, text=True, check=False
        )
    assert completed.stdout.splitlines() == [f"['{ZOE.username}'] None", str(sorted(ZOE.roles))], completed.stderr
