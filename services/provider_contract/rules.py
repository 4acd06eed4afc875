"""The rules of the contract, by the method of the provider that they are about."""

from collections.abc import Callable, Iterator, Mapping

from providers.registry import METHODS
from services.provider_contract import credentials, lookups, outages, reports, secrecy, timing
from services.provider_contract.subject import Subject

Rule = Callable[[Subject], None]
"""Raises BrokenContract if the provider breaks the rule. The first line of its docstring is the rule."""

RULES: Mapping[str, tuple[Rule, ...]] = {
    "authenticate": (
        credentials.right_password_is_accepted,
        credentials.login_ignores_case,
        credentials.wrong_password_is_denied,
        credentials.wrong_password_is_denied_after_the_right_one,
        credentials.password_is_case_sensitive,
        credentials.password_is_not_truncated,
        credentials.password_is_not_stripped,
        credentials.empty_password_is_denied,
        credentials.huge_password_is_denied,
        credentials.non_ascii_password_is_denied,
        credentials.unknown_login_is_denied,
        credentials.wildcard_login_is_denied,
        credentials.part_of_a_username_is_denied,
        credentials.email_of_another_domain_is_denied,
        credentials.email_that_is_a_username_of_another_is_theirs,
        credentials.denial_has_a_valid_reason,
        credentials.denial_names_the_user_of_the_store,
        credentials.concurrent_logins_get_their_own_answers,
        timing.login_is_answered_in_time,
        timing.unknown_user_takes_as_long_as_a_wrong_password,
        secrecy.representation_has_no_secret,
        secrecy.log_has_no_secret,
        secrecy.user_has_no_secret,
        secrecy.exception_has_no_secret,
        outages.unavailable_store_is_an_exception,
        outages.silent_store_is_an_exception_in_time,
        outages.failing_store_is_an_exception,
        lookups.record_ids_are_different,
        lookups.disabled_user_is_denied,
    ),
    "find": (
        lookups.find_returns_the_user_of_the_login,
        lookups.find_returns_the_session_members_of_the_login,
        lookups.find_does_not_know_emails,
        lookups.find_does_not_know_others,
        lookups.concurrent_lookups_get_their_own_answers,
        lookups.disabled_user_is_not_found,
    ),
    "has_username": (
        lookups.has_username_ignores_case,
        lookups.has_username_does_not_know_emails,
        lookups.has_username_does_not_know_others,
        lookups.disabled_user_keeps_their_username,
    ),
    "check": (reports.check_yields_findings, outages.check_reports_an_outage_as_a_finding),
    "explain": (reports.explanation_is_that_of_the_login,),
    "list_users": (reports.listed_users_are_those_who_can_log_in,),
    "list_roles": (reports.listed_roles_include_those_of_the_users,),
}


def methods_of(provider: object) -> list[str]:
    """Return the methods of the interface that a provider has."""
    return [name for name in METHODS if callable(getattr(provider, name, None))]


def applicable_rules(subject: Subject) -> Iterator[Rule]:
    """Yield the rules for the methods, the disabled account and the network that the subject has."""
    for method in methods_of(subject.link.provider):
        for rule in RULES[method]:
            is_of_network = rule.__module__ == outages.__name__ or rule is secrecy.exception_has_no_secret
            is_of_disabled = rule.__name__.startswith("disabled_")
            if not ((is_of_network and subject.provider_at is None) or (is_of_disabled and subject.disabled is None)):
                yield rule


def description(rule: Rule) -> str:
    """Return the name of a rule as words."""
    return rule.__name__.replace("_", " ")
