"""The rules about secrets: no representation, log line, output or user has a password or a secret of the settings."""

import hashlib
import io
import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from services.password_removal import MIN_LENGTH, spellings_of
from services.provider_contract.outages import closed_port
from services.provider_contract.subject import Subject, require

WRONG = "a wrong password, which no account has"


def representation_has_no_secret(subject: Subject) -> None:
    """`repr` and `str` of the provider have no secret: both appear in tracebacks and in logs."""
    provider = subject.link.provider
    subject.accept(subject.accounts[0])
    require_no_secret(subject, (repr(provider), str(provider)), "repr(provider)", "Exclude it, or write a __repr__")


def log_has_no_secret(subject: Subject) -> None:
    """Neither log lines of any level nor the standard output have a password."""
    account = subject.accounts[0]
    with _captured() as output:
        subject.log_in(account.username, WRONG)
        subject.log_in("unknown", WRONG)
        subject.accept(account)
    remedy = "Do not log the arguments of a login, or what is sent to the store"
    require_no_secret(subject, [output.getvalue()], "a log line or the output of a login", remedy)


def user_has_no_secret(subject: Subject) -> None:
    """No member of the user has the password. A credential stamp must not help to guess it."""
    for account in subject.difficult():
        answer: object = subject.link.provider.authenticate(account.username, account.password)
        members = answer.items() if isinstance(answer, dict) else ()
        derived = {account.password, *_unsalted_digests(account.password)}
        held = [
            str(name) for name, value in members if name != "username" and any(text in str(value) for text in derived)
        ]
        found = f"the user has the password, or a digest of it without a salt, in {', '.join(held)}"
        require(not held, found, "Leave it out, or return a digest of the salted hash")


def exception_has_no_secret(subject: Subject) -> None:
    """The exception of an outage has no secret, and neither have its causes."""
    if subject.provider_at is None:
        return
    with closed_port() as port:
        provider = subject.provider_at(port)
        text = ""
        try:
            provider.authenticate(subject.accounts[0].username, subject.accounts[0].password)
        except Exception as error:  # noqa: BLE001 - the rules about outages require the right one
            text = "\n".join(_texts(error))
    require_no_secret(
        subject, [text], "the exception of an outage", "Raise ProviderUnavailable with a reason of your own"
    )


def require_no_secret(subject: Subject, texts: Iterable[str], where: str, remedy: str) -> None:
    """Raise BrokenContract if a text has a password or a secret of the settings."""
    secrets = [("", secret) for secret in subject.secrets]
    for text in texts:
        for kind, pairs in (("a secret of the settings", secrets), ("a password", _credentials(subject))):
            forms = (form for pair in pairs if len(pair[1]) >= MIN_LENGTH for form in spellings_of(*pair))
            require(not any(form in text for form in forms), f"{where} has {kind}", remedy)


def _credentials(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield the logins and passwords that the rules use."""
    yield from ((login, WRONG) for login in ("unknown", subject.accounts[0].username))
    for account in subject.accounts:
        yield from ((login, account.password) for login in (account.username, account.email) if login)


def _unsalted_digests(password: str) -> Iterator[str]:
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(algorithm, password.encode(), usedforsecurity=False)
        yield from (digest.hexdigest(), b64encode(digest.digest()).decode())


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {error.__dict__}"
        error = error.__cause__ or error.__context__


@contextmanager
def _captured() -> Iterator[io.StringIO]:
    """Yield what the block logs, at any level, and prints."""
    output, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = [logging.StreamHandler(output)]  # what has a password is written nowhere else
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(output), redirect_stderr(output):
            yield output
    finally:
        root.handlers = handlers
        root.setLevel(level)
