"""`flask tokens revoke`: end sessions, and revoke tokens."""

import time
from collections.abc import Iterator, Mapping, Sequence

import click

from cli.operator import begin_change
from cli.terminal import JSON_OPTION, NAME, CommandError, print_json, printable
from cli.users.editor import open_user_table
from config.errors import ConfigurationError
from config.service_settings import USER_TABLE_PROVIDER
from config.settings import Settings
from config.subjects import is_machine_subject
from config.text import casefold_name
from database.engine import open_engine
from database.errors import NoSuchUser
from database.service_token import MAX_TOKEN_ID
from database.service_token_table import ServiceTokenTable
from database.session_table import SessionTable
from services.factory import open_links
from services.links import Link
from services.login_matches import LoginMatch, match_login


@click.command()
@click.argument("token_id", metavar="[ID]", required=False)
@click.option("--user", metavar="LOGIN", type=NAME, help="Revoke the sessions and tokens of this user.")
@click.option("--provider", type=NAME, help="With --user: only for the user of this provider in AUTH_PROVIDER.")
@click.option("--all", "everything", is_flag=True, help="Revoke the sessions and tokens of all users, and all others.")
@JSON_OPTION
def revoke(token_id: str | None, user: str | None, provider: str | None, everything: bool, as_json: bool) -> None:
    """Revoke a service token, or end sessions and revoke their tokens.

    Every worker rejects the tokens within two seconds. ID is the id of a service token or of a session: see flask
    tokens list. A LOGIN is a username, which is the claim `sub` of a token, or an email.
    """
    if sum((token_id is not None, user is not None, everything)) != 1:
        raise CommandError("give one of an id, --user and --all: flask tokens revoke --user LOGIN")
    if provider and not user:
        raise CommandError("--provider requires --user")
    settings = Settings.of_process()
    engine = open_engine(settings.database)
    table = SessionTable(engine)
    operator = begin_change(settings)
    if token_id is not None:
        _revoke_one(table, ServiceTokenTable(engine), operator, token_id, as_json=as_json)
        return
    ended = _end_user(table, settings, operator, user, provider) if user else _end_all(table, operator)
    _report(f"Ended {ended} session{'' if ended == 1 else 's'}.", {"ended": ended}, as_json)


def _revoke_one(table: SessionTable, tokens: ServiceTokenTable, operator: str, token_id: str, *, as_json: bool) -> None:
    """Revoke the service token, or end the session, with this id. Raises NoSuchToken, and CommandError."""
    if token_id.isascii() and token_id.isdigit() and int(token_id[:20]) <= MAX_TOKEN_ID:
        token = tokens.revoke(operator, int(token_id))
        _report(f"Revoked token {token.id} of {token.subject}.", token.to_json(), as_json)
        return
    session = table.end_in_name_of(operator, token_id)
    if session is None:
        raise CommandError("no session has this id. See: flask tokens list --user LOGIN")
    _report(f"Ended a session of {session.username}.", {**session.to_json(), "username": session.username}, as_json)


def _report(sentence: str, members: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        print_json(members)
    else:
        click.echo(printable(f"{sentence} Every worker rejects the revoked tokens within two seconds."))


def _end_all(table: SessionTable, operator: str) -> int:
    """End all sessions and wait, so that tokens that are issued after the command are valid."""
    ended = table.end_all(operator)
    time.sleep(1)  # the times in tokens are whole seconds, and all tokens of the current second are revoked
    return ended


def _end_user(table: SessionTable, settings: Settings, operator: str, login: str, provider: str | None) -> int:
    """End the sessions of the users with this login, and return their number.

    The login as a username comes first: it needs only the database, and also revokes the tokens of users whom no
    provider knows any more. Raises CommandError if no session ended and no provider knows the login.
    """
    ended = table.end_user_sessions(login, provider, operator)
    matches = [*_matches(settings, login, provider)]
    for match in matches:
        if match.username and casefold_name(match.username) != casefold_name(login):
            ended += table.end_user_sessions(match.username, match.provider, operator)
            click.echo(printable(f"{login} is the login of {match.username} of the provider {match.provider}."))
    if not ended and not is_machine_subject(login):
        _require_known(matches, login)
    return ended


def _matches(settings: Settings, login: str, provider: str | None) -> Iterator[LoginMatch]:
    """Yield what the user table and the other providers say about the login.

    If AUTH_PROVIDER is not set or invalid, only the user table is asked.
    """
    names = [USER_TABLE_PROVIDER]
    links: list[Link] = []
    if settings.environ.get("AUTH_PROVIDER"):
        try:
            links = open_links(settings)
            names = [link.name for link in links]
        except ConfigurationError as error:
            yield LoginMatch("AUTH_PROVIDER", obstacle=f"cannot be used: {error.problems[0].statement}")
    if provider and provider not in names:
        yield LoginMatch(provider, obstacle="is not in AUTH_PROVIDER")
    asked = [name for name in names if provider in {None, name}]
    if USER_TABLE_PROVIDER in asked:
        yield _match_in_user_table(login)
    yield from (match_login(link, login) for link in links if link.name in asked and link.name != USER_TABLE_PROVIDER)


def _match_in_user_table(login: str) -> LoginMatch:
    """Ask the user table, which knows the emails of disabled users, too."""
    try:
        return LoginMatch(USER_TABLE_PROVIDER, open_user_table().require(login).username)
    except NoSuchUser:
        return LoginMatch(USER_TABLE_PROVIDER)


def _require_known(matches: Sequence[LoginMatch], login: str) -> None:
    """Raise CommandError unless a provider knows the login, or cannot look users up."""
    if any(match.username for match in matches):
        return
    for match in matches:
        if match.cannot_look_up:
            note = f"The provider {match.provider} cannot look {login} up: compare it with the claim `sub`."
            click.echo(printable(note))
            return
    obstacles = "; ".join(f"{match.provider} {match.obstacle}" for match in matches if match.obstacle)
    reason = f"its user is not known: {obstacles}" if obstacles else "no provider knows it"
    remedy = "Give the username, or run the command again later" if obstacles else "Check it with: flask explain"
    raise CommandError(
        f"no session of {login} ended, and {reason}. Only tokens with this claim `sub` are revoked. {remedy}"
    )
