"""The Dockerfile and the examples for Compose and Kubernetes: valid, with settings that exist, and they serve."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from config.section import Section, secret_file_variables
from config.settings import Settings
from providers.ldap.settings import LdapSettings
from providers.static.provider import StaticSettings
from tests.servers.process import free_port, listens, running
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "examples" / "compose"
MANIFEST = ROOT / "examples" / "kubernetes" / "latchkey.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
INCLUDED = [line[1:] for line in IGNORED if line.startswith("!")]
"""The exceptions from what .dockerignore ignores: what the image contains."""


def run(*command: str, cwd: Path = ROOT) -> str:
    completed = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def tool(name: str) -> str:
    """Return the path of a program of the virtual environment."""
    return str(Path(sys.executable).parent / name)


def settings() -> set[str]:
    sections: list[type[Section]] = [*Section.__subclasses__()]
    assert {StaticSettings, LdapSettings} <= {*sections}
    names = {section.variable(field) for section in sections for field in section.model_fields}
    return names | {*secret_file_variables()}


def manifests() -> list[dict[str, Any]]:
    return [*yaml.safe_load_all(MANIFEST.read_text())]


def test_dockerfile_passes_its_linter() -> None:
    # The packages of Debian have the version of the base image.
    run(tool("hadolint"), "--ignore", "DL3008", "Dockerfile")


def test_image_has_a_user_and_neither_secrets_nor_databases() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert IGNORED[1] == "*"
    assert all((ROOT / name).exists() for name in INCLUDED)
    assert not {".env", "secret.key", "tests", ".git", ".venv", "users.toml"} & {*INCLUDED}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the image contains, whose environment is that of the tests."""
    for name in INCLUDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return tmp_path


def test_image_serves_and_its_health_check_knows(image: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    port = free_port()
    environ = users_file(tmp_path_factory.mktemp("users") / "users.toml", [ZOE])
    variables = {**environ, "PATH": os.defpath, "HOST": "127.0.0.1", "PORT": str(port), "SECRET_KEY": SECRET_KEY}
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (.*)$", DOCKERFILE, re.MULTILINE)
    (command,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)

    def is_healthy() -> bool:
        completed = subprocess.run(json.loads(check), cwd=image, env=variables, capture_output=True, check=False)
        return completed.returncode == 0

    assert not is_healthy()
    assert json.loads(command) == [".venv/bin/gunicorn"]
    with running(subprocess.Popen([sys.executable, "-m", "gunicorn"], cwd=image, env=variables), lambda: listens(port)):
        assert is_healthy()


def test_compose_file_is_valid_and_its_settings_exist() -> None:
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE / "compose.yaml"))
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    environment = services["latchkey"]["environment"]
    assert set(environment) <= settings()
    paths = {name: path for name, path in environment.items() if name.endswith("_FILE")}
    assert {path.removeprefix("/run/secrets/") for path in paths.values()} == {*services["latchkey"]["secrets"]}


def test_manifest_is_valid_and_its_settings_exist() -> None:
    run(tool("kubernetes-validate"), str(MANIFEST))
    by_kind = {manifest["kind"]: manifest for manifest in manifests()}
    assert set(by_kind["ConfigMap"]["data"]) <= settings()
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_secrets_of_compose_are_created_once(tmp_path: Path) -> None:
    script = str(shutil.copy(COMPOSE / "create-secrets", tmp_path))
    run(script, cwd=tmp_path)
    created = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    declared = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["secrets"]
    assert set(created) == set(declared)
    run(script, cwd=tmp_path)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == created
    environ = {"DATABASE_URL": created["database_url"].strip(), "DATABASE_INSECURE_TLS": "true"}
    assert Settings({**environ, "SECRET_KEY": created["secret_key"].strip()}).keys.key


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "latchkey.conf").write_text((COMPOSE / "nginx.conf").read_text())
    (tmp_path / "main").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; include {tmp_path}/*.conf; }}"
    )
    run("/usr/sbin/nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "main"))


def test_prometheus_accepts_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * 32)
    text = (COMPOSE / "prometheus.yml").read_text().replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(ROOT / "docs" / "monitoring" / "alerts.yml", tmp_path)
    run("promtool", "check", "config", str(tmp_path / "prometheus.yml"))
