"""Commands that run as root."""

import os
import subprocess

AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
"""What a command starts with to run as root."""


def run_as_root(*command: str, stdin: str = "") -> None:
    """Run a command as root. Raises CalledProcessError if it fails."""
    subprocess.run([*AS_ROOT, *command], input=stdin.encode(), check=True, capture_output=True)
