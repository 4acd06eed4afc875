"""`flask tokens …`: service tokens, sessions, and their revocation, in DATABASE_URL."""

import click

from cli.tokens.revoke import revoke
from cli.tokens.service import issue, list_tokens

tokens = click.Group(
    "tokens",
    help="Issue service tokens, and revoke sessions and tokens.",
    commands=[issue, list_tokens, revoke],
)
