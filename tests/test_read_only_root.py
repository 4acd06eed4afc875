"""The root file system is read-only, as in a hardened container: the service runs, or names what must be writable."""

import os
import subprocess
import sys

import requests

from tests.servers.gunicorn import ROOT, gunicorn
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE

READ_ONLY = 'for place in / /tmp /var/tmp "$PWD"; do ! mountpoint -q $place || mount -o remount,ro,bind $place; done'
"""A command that makes the file systems read-only in which programs usually create files.

Not /dev/shm: container engines mount a file system in memory there, also if the root file system is read-only.
"""
WITHOUT_MEMORY = f"{READ_ONLY} && mount -o remount,ro,bind /dev/shm"


def within(command: str) -> list[str]:
    """Return the command that starts another one in a mount namespace, after this command."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *user, "sh", "-c", f'{command} && exec "$@"', "sh"]


def test_service_runs_on_a_read_only_root_file_system(static_environ: dict[str, str]) -> None:
    with gunicorn(static_environ, workers=2, prefix=within(READ_ONLY)) as url:
        login = requests.post(f"{url}/api/auth", json={"email": ZOE.email, "password": ZOE.password}, timeout=60)
        assert login.status_code == 200
        headers = {"Authorization": f"Bearer {login.json()['data']}"}
        assert requests.get(f"{url}/api/protected_route", headers=headers, timeout=60).status_code == 200


def test_start_names_what_must_be_writable(static_environ: dict[str, str]) -> None:
    environ = {"PATH": os.defpath, "SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", **static_environ}
    command = [*within(WITHOUT_MEMORY), sys.executable, "-m", "gunicorn"]
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False, text=True, timeout=60)
    remedy = "Set it to a directory on a writable file system, or mount one at /dev/shm."
    expected = f"Error: the configuration is invalid.\n  TMPDIR is not a writable directory. {remedy}\n"
    assert (ended.returncode, ended.stderr) == (2, expected)
