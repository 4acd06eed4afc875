"""The program `flask`: that of Flask, which would show a traceback if it cannot read `.env`."""

import sys

from flask.cli import cli
from flask.helpers import get_load_dotenv

from config.environment import require_readable_files
from config.errors import ConfigurationError


def main() -> None:
    """Run Flask's command line, unless a file of variables that it reads first is unreadable."""
    try:
        if get_load_dotenv():
            require_readable_files()
    except ConfigurationError as error:
        error.show()
        sys.exit(error.exit_code)
    cli.main()


if __name__ == "__main__":
    main()
