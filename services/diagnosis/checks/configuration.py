"""The check of the configuration."""

from collections.abc import Iterator

from config.errors import Problem
from config.settings import Settings
from providers.interface import Check
from services.context import Services
from services.default_passwords import default_passwords
from services.sensitive_files import exposed_files

STEP = "configuration"


def as_failed_check(problem: Problem) -> Check:
    """Return the finding for a problem of the configuration."""
    return Check(STEP, "failure", problem.statement, problem.remedy or "See docs/configuration.md")


def check_configuration(services: Services, settings: Settings) -> Iterator[Check]:
    """Yield the findings about a configuration that is valid, and about the files that contain its secrets."""
    yield Check(STEP, "ok", f"valid; providers: {', '.join(link.name for link in services.chain.links)}")
    if services.clients.password_grant:
        found = "OAuth clients may send the passwords of users, which RFC 9700 §2.4 forbids"
        remedy = "Change the clients to call /api/auth, and unset OAUTH_PASSWORD_GRANT"
        yield Check("password grant", "warning", found, remedy)
    yield from _check_unused_names(settings)
    yield from _check_files(settings)
    yield from map(as_failed_check, default_passwords(settings))


def _check_unused_names(settings: Settings) -> Iterator[Check]:
    """Yield the misspelled settings of providers that are not in AUTH_PROVIDER. Those of the others prevent a start."""
    # `require_known_variables` knows the sections that have been imported, and has been called.
    from providers.ldap.settings import LdapSettings
    from providers.static.provider import StaticSettings

    for section in (StaticSettings, LdapSettings):
        for problem in section.misspelled_variables(settings.environ):
            yield Check(STEP, "warning", f"{problem.statement}, and is ignored", problem.remedy)


def _check_files(settings: Settings) -> Iterator[Check]:
    problems = [*exposed_files(settings)]
    is_permitted = settings.files.insecure_permissions
    for problem in problems:
        step = f"{STEP}: {problem.subject}"
        yield Check(step, "warning" if is_permitted else "failure", problem.found, problem.remedy)
    if not problems:
        found = "only the owner, or the service's group, can read files with secrets, and no other user can write them"
        yield Check("files", "ok", found)
