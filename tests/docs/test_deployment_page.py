"""The configuration of nginx and the systemd unit in docs/deployment.md work as the page says."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port, listens, running
from tests.support.certificates import Authority
from tests.support.newcomer import block
from tests.support.users import ZOE

PAGE = "docs/deployment.md"
NGINX = """
daemon off;
pid nginx.pid;
error_log error.log warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {site}
}}
"""


@contextmanager
def nginx(upstream: str) -> Iterator[tuple[str, str, str]]:
    """Run nginx with the block of the page in front of a service; yield both URLs and the file of its authority."""
    tls, plain = free_port(), free_port()
    with TemporaryDirectory() as home:
        authority = Authority()
        certificate, key = authority.issue("localhost")
        for name, content in (("chain.pem", certificate), ("key.pem", key), ("ca.pem", authority.pem)):
            Path(home, name).write_bytes(content)
        site = (
            block(PAGE, "nginx", "limit_req_zone")
            .replace("listen 443", f"listen 127.0.0.1:{tls}")
            .replace("listen 80", f"listen 127.0.0.1:{plain}")
            .replace("/etc/ssl/certs/auth.example.org.pem", "chain.pem")
            .replace("/etc/ssl/private/auth.example.org.key", "key.pem")
            .replace("auth.example.org", "localhost")
            .replace("http://127.0.0.1:8000", upstream)
        )
        Path(home, "nginx.conf").write_text(NGINX.format(site=site))
        command = ["/usr/sbin/nginx", "-p", home, "-c", "nginx.conf", "-e", "error.log"]
        process = subprocess.Popen(command, env={"PATH": os.defpath})
        with running(process, lambda: listens(tls) and listens(plain)):
            yield f"https://localhost:{tls}", f"http://localhost:{plain}", f"{home}/ca.pem"


def test_nginx_terminates_tls_and_limits_logins_with_429(static_environ: Mapping[str, str]) -> None:
    credentials = {"email": ZOE.email, "password": ZOE.password}
    with gunicorn({**static_environ, "TRUSTED_PROXIES": "1"}) as service, nginx(service) as (url, plain, authority):
        with requests.Session() as session:
            session.verify, session.trust_env = authority, False
            token = session.post(f"{url}/api/auth", json=credentials, timeout=60).json()["data"]
            statuses = [session.post(f"{url}/api/auth", json={}, timeout=60).status_code for _ in range(20)]
            assert {*statuses} == {400, 429}
            # Guarded routes are not limited.
            bearer = {"Authorization": f"Bearer {token}"}
            guarded = [session.get(f"{url}/api/auth/me", headers=bearer, timeout=60).status_code for _ in range(20)]
            assert {*guarded} == {200}
            assert session.post(f"{url}/api/auth", data=b"x" * 70_000, timeout=60).status_code == 413
        redirect = requests.get(f"{plain}/health/live", allow_redirects=False, timeout=60)
        assert (redirect.status_code, redirect.headers["Location"]) == (301, "https://localhost/health/live")


def test_service_notifies_systemd_when_it_listens(static_environ: Mapping[str, str], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        with gunicorn({**static_environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}):
            assert "READY=1" in systemd.recv(4096).decode().splitlines()


@pytest.mark.parametrize(("written", "is_valid"), [("UMask=", True), ("UMsk=", False)])
def test_systemd_accepts_the_unit(tmp_path: Path, written: str, is_valid: bool) -> None:
    unit = block(PAGE, "ini", "ExecStart=").replace("UMask=", written)
    for name in ("gunicorn", "flask"):
        unit = unit.replace(f"/opt/latchkey/.venv/bin/{name}", "/bin/true")
    (tmp_path / "latchkey.service").write_text(unit)
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "latchkey.service")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode == 0, ended.stderr == "") == (is_valid, is_valid)
