"""The machine and the versions, which the benchmarks print: figures of two machines cannot be compared."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "flask", "werkzeug", "pyjwt", "cryptography", "gunicorn", "granian", "sqlalchemy", "psycopg", "argon2-cffi",
    "flask-httpauth", "authlib", "flask-jwt-extended", "flask-security", "flask-appbuilder", "ldap3", "python-ldap",
)  # fmt: skip


def describe() -> str:
    """Return lines about the machine, its load, and the versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {platform.system()} "
        f"{platform.release()}; {platform.python_implementation()} {platform.python_version()}\n{versions}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
