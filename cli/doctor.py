"""`flask doctor`: what works, what does not, and what will hurt later."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

import click

from cli.app_loader import load_application
from cli.terminal import JSON_OPTION, NAME, CommandError, ask_password, padded, print_json, printable
from config.errors import ConfigurationError
from config.settings import Settings
from providers.interface import Check
from services.auth_guard import guarded_routes, unmarked_routes
from services.diagnosis.checks.configuration import as_failed_check
from services.diagnosis.checks.routes import CannotLoad, Routes
from services.diagnosis.doctor import diagnose

COLOURS = {"ok": "green", "warning": "yellow", "failure": "red"}
OUTCOMES = tuple(COLOURS)
"""The best first: the place of the worst finding is the exit code."""

STEP = 28
INDENT = " " * 22  # the columns before a step


@click.command()
@click.option("--user", "login", metavar="LOGIN", type=NAME, help="Follow this user through the providers, too.")
@click.option("--password", "asks", is_flag=True, help="With --user: ask for their password, and try it once.")
@click.argument("surplus", nargs=-1, type=click.UNPROCESSED)
@JSON_OPTION
def doctor(login: str | None, asks: bool, surplus: tuple[str, ...], as_json: bool) -> None:
    """Diagnose the deployment: configuration, stores, keys, roles.

    Exit code 0 if all is well, 1 if there are warnings, 2 if something does not work.
    """
    if surplus:  # click would repeat it, and it may be a password
        raise CommandError(
            "it takes only options, and a password is asked for, never written down: flask doctor --help"
        )
    if asks and login is None:
        raise CommandError("--password belongs to --user")
    found = _found(login, ask_password() if asks else None)
    told = [*found] if as_json else _tell(found)
    worst = max((OUTCOMES.index(check.outcome) for check in told), default=0)
    if as_json:
        print_json({"checks": [asdict(check) for check in told], "worst": OUTCOMES[worst]})
    sys.exit(worst)


def _found(login: str | None, password: str | None) -> Iterable[Check]:
    try:
        settings = Settings.of_process()
    except ConfigurationError as error:
        return [as_failed_check(problem) for problem in error.problems]
    return diagnose(settings, _load_routes, login, password)


def _load_routes() -> Routes:
    try:
        app = load_application()
    except click.ClickException as error:
        raise CannotLoad(" ".join(error.format_message().split())) from None
    return Routes(guarded_routes(app), unmarked_routes(app))


def _tell(found: Iterable[Check]) -> list[Check]:
    told = []
    for check in found:
        told.append(check)
        click.echo(_lines(check))
    counts: Counter[str] = Counter(check.outcome for check in told)
    ok, warnings, failures = (counts[outcome] for outcome in OUTCOMES)
    summary = f"{_count(len(told), 'step')}: {ok} ok, {_count(warnings, 'warning')}, {_count(failures, 'failure')}."
    click.echo(f"\n{summary}")
    return told


def _lines(check: Check) -> str:
    """Return a step as a person sees it: in columns, with the remedy below."""
    outcome = click.style(padded(check.outcome, 7), COLOURS[check.outcome])
    milliseconds = f"{check.seconds * 1000:,.0f} ms"
    step = padded(printable(check.step), STEP)
    if not step.endswith(" "):  # so long that what was found has a line of its own
        step = f"{step.rstrip()}\n{' ' * (len(INDENT) + STEP)}"
    line = f"{outcome}  {milliseconds:>11}  {step}  {printable(check.found)}"
    return f"{line}\n{INDENT}→ {printable(check.remedy)}" if check.remedy else line


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
