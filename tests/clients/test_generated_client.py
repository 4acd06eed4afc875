"""Clients that openapi-python-client and openapi-typescript generate from `/openapi.json` log in and list users."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.servers.gunicorn import gunicorn
from tests.support.stores import user_table
from tests.support.users import ZOE

NODE_MODULES = Path(__file__).parent / "node_modules"

PYTHON = """
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
print(page.data[0].username, page.next_)
print(*show_user.sync(user_id=page.data[0].id, client=client).data.roles)
"""

# Each `@ts-expect-error` is an error of the compiler unless the types refuse the next line.
TYPESCRIPT = """
import createClient from 'openapi-fetch'
import type { paths } from './latchkey.js'

declare const process: { env: { [name: string]: string } }
const { URL: baseUrl, EMAIL: email, PASSWORD: password } = process.env
const { POST, GET } = createClient<paths>({ baseUrl })

const denied = await POST('/api/auth', { body: { email, password: 'wrong' } })
if (denied.error?.code !== 'invalid_credentials') throw new Error(JSON.stringify(denied.error))
const login = await POST('/api/auth', { body: { email, password } })
if (!login.data) throw new Error(login.error.message)
const headers = { Authorization: `Bearer ${login.data.data}` }

const { data: page } = await GET('/api/users', { headers, params: { query: { limit: 10 } } })
const [user] = page!.data
const path = { user_id: user.id }
const { data: shown } = await GET('/api/users/{user_id}', { headers, params: { path } })
console.log(user.username, page!.next ?? 'None')
console.log(...shown!.data.roles)

// @ts-expect-error
export const withoutAPassword = () => POST('/api/auth', { body: { email } })
// @ts-expect-error
export const toAnUnknownPath = () => GET('/api/user')
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service with the user zoe."""
    environ = user_table(f"sqlite:///{tmp_path_factory.mktemp('users') / 'users.db'}", [ZOE])
    with gunicorn(environ) as url:
        yield url


@pytest.fixture
def document(service: str, tmp_path: Path) -> Path:
    """The description of the service, in an empty folder for the client."""
    path = tmp_path / "openapi.json"
    path.write_bytes(requests.get(f"{service}/openapi.json", timeout=60).content)
    return path


def run(*command: str | Path, **environ: str) -> str:
    """Return the standard output of a command that succeeds, without a warning about the description."""
    completed = subprocess.run(command, env=environ or None, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "WARNING" not in completed.stdout + completed.stderr
    return completed.stdout


def expected_output() -> str:
    return f"{ZOE.username} None\n{' '.join(sorted(ZOE.roles))}\n"


def variables(service: str) -> dict[str, str]:
    return {"URL": service, "EMAIL": ZOE.email, "PASSWORD": ZOE.password}


def test_client_in_python_logs_in_and_lists_users(service: str, document: Path) -> None:
    package = document.with_name("latchkey_client")
    generator = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none")
    run(*generator, "--path", document, "--output-path", package)
    output = run(sys.executable, "-c", PYTHON, PYTHONPATH=str(document.parent), **variables(service))
    assert output == expected_output()


def test_client_in_typescript_compiles_logs_in_and_lists_users(service: str, document: Path) -> None:
    folder = document.parent
    (folder / "node_modules").symlink_to(NODE_MODULES)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "client.ts").write_text(TYPESCRIPT)
    run(NODE_MODULES / ".bin/openapi-typescript", document, "--output", folder / "latchkey.d.ts")
    run(NODE_MODULES / ".bin/tsc", "--strict", "--target", "es2022", "--module", "nodenext", folder / "client.ts")
    assert run("/usr/bin/env", "node", folder / "client.js", **variables(service)) == expected_output()
