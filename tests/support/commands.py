"""The commands of `flask`, run in the test's own process: they see its clock."""

from collections.abc import Mapping

from click.testing import CliRunner, Result
from flask.cli import FlaskGroup

from tests.support.flask_program import WIDE


def run_command(*arguments: str, environ: Mapping[str, str] | None = None) -> Result:
    """Run `flask ARGUMENTS` with the process's variables and those of `environ`."""
    return CliRunner().invoke(FlaskGroup(load_dotenv=False), arguments, env={**WIDE, **(environ or {})})
