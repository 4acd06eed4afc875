"""One user, followed through the chain, and perhaps one password."""

import json
from collections.abc import Collection, Iterator

from config.text import normalize_password
from providers.interface import Check, Denied, Explanation, Overloaded, ProviderUnavailable
from services.chain import Identity, Link, checked_user, translate_provider_errors
from services.context import Services
from services.diagnosis.denial_reasons import refusal
from services.diagnosis.explain import LoginExplanation, ProviderResult, claims_of, explain_login

STEP = "user"


def check_user(services: Services, login: str, password: str | None, broken: Collection[str]) -> Iterator[Check]:
    """Yield what a login would give and, if there is a `password`, whether it is theirs."""
    answer = explain_login(services.chain, login, broken)
    yield from (_asked(link, answer) for link in answer.links)
    if answer.decisive:
        yield from _ways_to_roles(answer.decisive.explanation)
    if answer.identity:
        yield from _outcome(services, answer.identity)
    elif not answer.decisive and not answer.outage and not answer.untold:
        told = refusal(answer.reason)
        yield Check(STEP, "failure", told.words, told.remedy)
    if password is not None:
        yield from _tried(services, answer, login, password)


def _asked(link: ProviderResult, answer: LoginExplanation) -> Check:
    step = f"{STEP}, {link.idp}"
    if link.outcome == "out":
        return Check(step, "failure", str(link), "See what is said of this provider above")
    if link is answer.decisive and link.outcome == "refused":
        return Check(step, "failure", str(link), refusal(link.explanation.reason).remedy)
    if link.outcome == "passed_over":
        return Check(step, "warning", str(link), "If these are two people, one of them can never log in: rename one")
    return Check(step, "ok", str(link))


def _ways_to_roles(explanation: Explanation) -> Iterator[Check]:
    if explanation.groups:
        groups = (
            f"{one.group} (through {one.via_group})" if one.via_group else one.group for one in explanation.groups
        )
        yield Check("groups", "ok", f"{len(explanation.groups)}: {'; '.join(groups)}")
    for verdict in explanation.rules:
        found = f"{verdict.rule} gives {', '.join(verdict.roles)}: {'matched' if verdict.matched else 'not matched'}"
        if verdict.near_misses and not verdict.matched:
            remedy = "If it should have, mend the rule or the group"
            yield Check("rule", "warning", f"{found}, but nearly: {'; '.join(verdict.near_misses)}", remedy)
        else:
            yield Check("rule", "ok", found)


def _outcome(services: Services, identity: Identity) -> Iterator[Check]:
    if identity["roles"]:
        yield Check("roles of the user", "ok", ", ".join(identity["roles"]))
    else:
        found = "none: only routes that ask for any user open"
        yield Check("roles of the user", "warning", found, "Give them one, or see which rule should have")
    try:
        yield Check("claims", "ok", json.dumps(claims_of(services.issuer, identity), ensure_ascii=False))
    except ValueError as error:
        yield Check("claims", "failure", str(error), "Give them fewer roles: a token is sent with every call")


def _tried(services: Services, answer: LoginExplanation, login: str, password: str) -> Iterator[Check]:
    """Ask one provider, once."""
    idp = answer.decisive.idp if answer.decisive else next((link.idp for link in answer.links if _may_know(link)), None)
    if idp is None or answer.outage or (answer.decisive and not answer.identity):
        yield Check("password", "ok", "not tried, as nobody would be let in anyway")
        return
    link = next(link for link in services.chain.links if link.name == idp)
    try:
        secret = normalize_password(password)
    except ValueError as error:
        yield Check("password", "failure", f"nobody has such a one: {error}", "Type it again")
        return
    try:
        check, user = _judged(link, answer.identity, login, secret)
    except (ProviderUnavailable, Overloaded) as error:
        found = f"{idp} cannot be asked: {error or type(error).__name__}"
        yield Check("password", "failure", found, "See what is said of this provider above")
        return
    yield check
    if user and not answer.identity:  # the provider could not say before
        yield from _outcome(services, user)


def _judged(link: Link, expected: Identity | None, login: str, password: str) -> tuple[Check, Identity | None]:
    with translate_provider_errors(link):
        reply = link.provider.authenticate(login, password)
    if not reply:
        told = refusal(reply.reason if isinstance(reply, Denied) else None)
        return Check("password", "failure", f"{link.name} lets nobody in with it: {told.words}", told.remedy), None
    user = checked_user(link.name, reply)
    if expected and (user["username"], {*user["roles"]}) != (expected["username"], {*expected["roles"]}):
        found = (
            f"{link.name} lets in {user['username']} with {', '.join(user['roles']) or 'no role'}, not as told above"
        )
        remedy = "Somebody has just changed them, or the provider's `explain` errs"
        return Check("password", "warning", found, remedy), user
    return Check("password", "ok", f"{link.name} lets {user['username']} in with it"), user


def _may_know(link: ProviderResult) -> bool:
    return link.outcome in {"known", "untold"}
