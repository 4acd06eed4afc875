"""A trial of a provider: each rule of the contract, with one account of the store."""

from collections.abc import Iterator
from time import perf_counter

from providers.interface import UNKNOWN_USER, Check, Denied
from services.links import Link
from services.provider_contract.accounts import Account
from services.provider_contract.rules import applicable_rules, description
from services.provider_contract.subject import BrokenContract, Subject


def account_of(link: Link, login: str, password: str) -> Account:
    """Return the account that has these credentials. Raises BrokenContract if the provider denies them."""
    user = Subject(link, ()).log_in(login, password)
    if isinstance(user, Denied):
        remedy = "Give the login and the password of an account that can log in"
        reason = "" if user.reason == UNKNOWN_USER else f" as {user.reason}"
        raise BrokenContract(f"the login is denied{reason}", remedy)
    return Account(user["username"], user["email"], password, tuple(user["roles"]))


def try_provider(subject: Subject) -> Iterator[Check]:
    """Yield a finding for each rule that applies to the provider."""
    for rule in applicable_rules(subject):
        began = perf_counter()
        try:
            rule(subject)
        except BrokenContract as broken:
            yield Check(description(rule), "failure", broken.found, broken.remedy, perf_counter() - began)
        else:
            yield Check(description(rule), "ok", "kept", seconds=perf_counter() - began)
