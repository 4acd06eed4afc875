"""The command `flask doctor`."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

import click

from cli.app_loader import ApplicationFails, load_application
from cli.operator import begin_change
from cli.table_layout import padded, text_width
from cli.terminal import (
    JSON_OPTION,
    NAME,
    CommandError,
    as_paragraph,
    ask_password,
    print_json,
    printable,
    terminal_width,
)
from config.errors import ConfigurationError
from config.settings import Settings
from providers.interface import Check
from services.diagnosis.checks.configuration import as_failed_check
from services.diagnosis.checks.routes import ApplicationNotLoaded, Routes
from services.diagnosis.doctor import diagnose
from services.route_map import guarded_routes, unmarked_routes

COLORS = {"ok": "green", "info": "cyan", "warning": "yellow", "failure": "red"}
OUTCOMES = ("ok", "warning", "failure")
"""The outcomes that count, from best to worst: the index of the worst outcome is the exit code."""

STEP_WIDTH = 28
INDENT = " " * 22  # the width of the columns before the step
FIRST_STEPS = 3


@click.command(context_settings={"allow_extra_args": True})
@click.option(
    "--user", "login", metavar="LOGIN", type=NAME, help="Also show what each provider would do with this login."
)
@click.option("--password", "with_password", is_flag=True, help="With --user: ask for the password, and try it once.")
@JSON_OPTION
@click.pass_context
def doctor(context: click.Context, login: str | None, with_password: bool, as_json: bool) -> None:
    """Diagnose configuration, keys, stores, users and roles.

    At the end are the three remedies that are worth doing first. The exit code is 0 if all checks are ok or info, 1 if
    there is a warning, 2 if there is a failure.
    """
    if context.args:  # click's own message would repeat the argument, which may be a password
        raise CommandError("this command takes no arguments, and asks for the password. See: flask doctor --help")
    if with_password and login is None:
        raise CommandError("--password requires --user")
    findings = _diagnose(login, ask_password() if with_password else None)
    checks = [*findings] if as_json else print_findings(findings)
    worst = max((OUTCOMES.index(check.outcome) for check in checks if check.outcome != "info"), default=0)
    if as_json:
        first = [{"step": check.step, "remedy": check.remedy} for check in first_steps(checks)]
        print_json({"checks": [asdict(check) for check in checks], "worst": OUTCOMES[worst], "first_steps": first})
    sys.exit(worst)


def _diagnose(login: str | None, password: str | None) -> Iterable[Check]:
    try:
        settings = Settings.of_process()
        operator = begin_change(settings) if password is not None else None
    except ConfigurationError as error:
        return [as_failed_check(problem) for problem in error.problems]
    return diagnose(settings, _load_routes, login, password, operator)


def _load_routes() -> Routes:
    try:
        app = load_application()
    except ConfigurationError as error:
        raise ApplicationNotLoaded([(problem.statement, problem.remedy) for problem in error.problems]) from None
    except click.ClickException as error:
        reason = error.reason if isinstance(error, ApplicationFails) else error.format_message()
        raise ApplicationNotLoaded([(" ".join(reason.split()), "Run: flask run")]) from None
    return Routes(guarded_routes(app), unmarked_routes(app))


def print_findings(findings: Iterable[Check]) -> list[Check]:
    """Print each finding immediately, then a summary. Return all findings."""
    checks = []
    for check in findings:
        checks.append(check)
        click.echo(_format(check))
    counts: Counter[str] = Counter(check.outcome for check in checks)
    ok, info, warnings, failures = (counts[outcome] for outcome in COLORS)
    summary = f"{ok} ok, {info} info, {_count(warnings, 'warning')}, {_count(failures, 'failure')}."
    click.echo(f"\n{_count(len(checks), 'check')}: {summary}")
    if first := first_steps(checks):
        click.echo("\nWorth doing first:")
        for number, check in enumerate(first, 1):
            click.echo(as_paragraph(printable(f"{number}. {check.step}: {check.remedy}"), indent="   "))
    return checks


def first_steps(checks: Iterable[Check]) -> list[Check]:
    """Return at most three findings whose remedies are worth doing first: failures, then warnings, as they were found.

    A remedy that several findings have counts once: the first finding has the cause.
    """
    by_remedy: dict[str, Check] = {}
    found = [check for check in checks if check.outcome in {"warning", "failure"} and check.remedy]
    for check in sorted(found, key=lambda check: -OUTCOMES.index(check.outcome)):
        by_remedy.setdefault(str(check.remedy), check)
    return [*by_remedy.values()][:FIRST_STEPS]


def _format(check: Check) -> str:
    """Return a finding: its columns, with the text on further lines if it is too long, and its remedy."""
    outcome = click.style(padded(check.outcome, 7), COLORS[check.outcome])
    milliseconds = f"{check.seconds * 1000:,.0f} ms"
    step, found = printable(check.step), printable(check.found)
    line = f"{outcome}  {milliseconds:>11}  {padded(step, STEP_WIDTH)}  {found}"
    if text_width(step) > STEP_WIDTH or text_width(line) > terminal_width():
        line = f"{outcome}  {milliseconds:>11}  {step}\n{INDENT}{as_paragraph(found, INDENT)}"
    return f"{line}\n{INDENT}{as_paragraph(f'→ {printable(check.remedy)}', f'{INDENT}  ')}" if check.remedy else line


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
