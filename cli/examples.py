"""An example for the help of each command. A test fails for a command without one, and for an invalid example."""

import click

from cli.json_members import describe_json

EXAMPLES = {
    "users add": "flask users add zoe --email zoe@example.org --role editor --generate",
    "users set-password": "flask users set-password zoe@example.org --generate",
    "users add-role": "flask users add-role zoe editor author",
    "users remove-role": "flask users remove-role zoe author",
    "users roles": "flask users roles",
    "users change-roles": "flask users change-roles --file team.txt --add editor --dry-run",
    "users disable": "flask users disable zoe",
    "users enable": "flask users enable zoe",
    "users update": "flask users update zoe --username zoe.smith --email zoe.smith@example.org",
    "users delete": "flask users delete zoe --yes",
    "users hash": "flask users hash < password.txt",
    "users list": "flask users list --role admin --active",
    "users show": "flask users show zoe",
    "users history": "flask users history zoe --limit 50",
    "users import": "flask users import people.csv --role staff --dry-run",
    "users reset": "flask users reset zoe --hours 4",
    "users export": "flask users export --output people.csv",
    "users hash-report": "flask users hash-report",
    "keys generate": "flask keys generate --algorithm ES256",
    "keys list": "flask keys list",
    "keys public": "flask keys public",
    "keys rotate": "flask keys rotate",
    "keys retire": "flask keys retire PTKGS3Ve --force",
    "tokens issue": "flask tokens issue --name backup --role reader --days 90 > backup.token",
    "tokens list": "flask tokens list --user zoe",
    "tokens revoke": "flask tokens revoke --user zoe",
    "throttle list": "flask throttle list --refused",
    "throttle clear": "flask throttle clear zoe",
    "database upgrade": "flask database upgrade",
    "database downgrade": "flask database downgrade 0007 --yes",
    "database check": "flask database check --json",
    "database prune": "AUDIT_RETENTION_DAYS=730 flask database prune --dry-run",
    "database copy": "DATABASE_URL_FILE=/etc/latchkey/database-url flask database copy users.db",
    "providers list": "flask providers list",
    "providers check": "flask providers check ldap --login test",
    "providers new": "flask providers new acme",
    "guards": "flask --app shop guards --strict",
    "explain": "flask explain zoe --compare-with ldap",
    "doctor": "flask doctor --user zoe",
}
"""By the names of the command: a line for a shell."""


def add_examples(command: click.Command, path: str) -> click.Command:
    """Return the command of this name with its example and its JSON in its help, also of its subcommands."""
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            add_examples(subcommand, f"{path} {name}")
    elif path in EXAMPLES:
        command.epilog = f"\b\nExample:\n  {EXAMPLES[path]}"
        describe_json(command, path)
    return command
