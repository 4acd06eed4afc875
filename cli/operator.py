"""The operator at the terminal, in whose name commands change users, sessions and keys."""

import os
from collections.abc import Mapping

from audit.formats import log_to_standard_error
from cli.terminal import printable
from config.settings import Settings
from config.system_accounts import account_name


def begin_change(settings: Settings) -> str:
    """Return the operator's name for the events of a command that changes something.

    The events are also written to standard error if LOG_FORMAT is set. Raises ConfigurationError if it is invalid.
    """
    if settings.environ.get("LOG_FORMAT"):
        log_to_standard_error(settings.log.format)
    return operator_name(settings.environ)


def operator_name(environ: Mapping[str, str]) -> str:
    """Return the operator's name: the system account, and the account that ran sudo, if any."""
    account = account_name(os.getuid())
    # A caller can put terminal control characters into SUDO_USER, and other operators' terminals show it later.
    sudo_user = printable(environ.get("SUDO_USER", ""))
    return f"cli:{sudo_user} as {account}" if sudo_user else f"cli:{account}"
