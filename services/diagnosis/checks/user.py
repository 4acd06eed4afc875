"""The checks of one user: their login through the chain, and optionally their password."""

import json
from collections.abc import Collection, Iterator
from functools import partial

from config.text import normalize_password
from providers.interface import Check, Denied, Explanation, Overloaded, ProviderUnavailable, RequestFailed
from services.context import Services
from services.diagnosis.denial_reasons import describe_denial
from services.diagnosis.explain import LoginExplanation, ProviderResult, claims_of, explain_login
from services.identity import Identity
from services.links import Answer, Link, ask_link
from services.operations import LOGIN, recorded
from services.provider_calls import authenticate_with
from services.throttle.errors import Throttled

STEP = "user"
_TOO_MANY_LOGINS = "too many logins are waiting"
_SEE_ABOVE = "See the findings about this provider above"
_FIX_RECORD = "Correct the user's record in the store: see docs/troubleshooting.md, The logins of one user return 503"


def check_user(
    services: Services, login: str, password: str | None, failed: Collection[str], operator: str | None = None
) -> Iterator[Check]:
    """Yield what the login would be granted and, if `password` is not None, whether it is correct.

    The providers named in `failed` are not asked. `operator` is named in the event of the login.
    """
    explanation = explain_login(services.chain, login, failed)
    yield from (_check_result(result, explanation) for result in explanation.results)
    if explanation.decision:
        yield from _check_role_rules(explanation.decision.explanation)
    if explanation.identity:
        yield from _check_identity(services, explanation.identity)
    elif not explanation.decision and not explanation.unavailable and not explanation.is_incomplete:
        denial = describe_denial(explanation.reason)
        yield Check(STEP, "failure", denial.text, denial.remedy)
    if password is not None:
        yield from _check_password(services, explanation, login, password, operator)


def _check_result(result: ProviderResult, explanation: LoginExplanation) -> Check:
    step = f"{STEP}, {result.provider}"
    if result.outcome in {"unavailable", "failed"}:
        return Check(step, "failure", str(result), _SEE_ABOVE if result.outcome == "unavailable" else _FIX_RECORD)
    if result is explanation.decision and result.outcome == "denied":
        return Check(step, "failure", str(result), describe_denial(result.explanation.reason).remedy)
    if result.outcome == "skipped":
        remedy = "If these are different people, rename one: the user of this provider cannot log in"
        return Check(step, "warning", str(result), remedy)
    return Check(step, "ok", str(result))


def _check_role_rules(explanation: Explanation) -> Iterator[Check]:
    if explanation.groups:
        groups = (f"{one.group} (via {one.via_group})" if one.via_group else one.group for one in explanation.groups)
        yield Check("groups", "ok", f"{len(explanation.groups)}: {'; '.join(groups)}")
    for rule in explanation.rules:
        found = f"{rule.rule} gives {', '.join(rule.roles)}: {'matched' if rule.matched else 'not matched'}"
        if rule.near_misses and not rule.matched:
            remedy = "If the rule should match, correct the rule or the group"
            yield Check("rule", "warning", f"{found}; near miss: {'; '.join(rule.near_misses)}", remedy)
        else:
            yield Check("rule", "ok", found)


def _check_identity(services: Services, identity: Identity) -> Iterator[Check]:
    if identity["roles"]:
        yield Check("roles of the user", "ok", ", ".join(identity["roles"]))
    else:
        found = "none: the user can call only routes that require no role"
        yield Check("roles of the user", "warning", found, "Give the user a role, or check the role rules")
    try:
        yield Check("claims", "ok", json.dumps(claims_of(services.issuer, identity), ensure_ascii=False))
    except ValueError as error:
        yield Check("claims", "failure", str(error), "Give the user fewer roles: every request carries the token")


def _check_password(
    services: Services, explanation: LoginExplanation, login: str, password: str, operator: str | None
) -> Iterator[Check]:
    """Try the password once, with one provider. If no provider can accept the login, do not try it."""
    name = _provider_to_ask(explanation)
    if name is None:
        yield Check("password", "ok", "not tried, because the login would fail with any password")
        return
    link = next(link for link in services.chain.links if link.name == name)
    try:
        password = normalize_password(password)
    except ValueError as error:
        yield Check("password", "failure", f"the password {error}", "Enter it again")
        return
    user: Answer
    try:
        user = _log_in(services, link, login, password, operator)
    except (ProviderUnavailable, Overloaded) as error:
        user = error if isinstance(error, ProviderUnavailable) else ProviderUnavailable(_TOO_MANY_LOGINS, name)
    except Throttled as error:
        found = f"not tried, because logins of this user are refused for {error.retry_after} seconds"
        yield Check("password", "failure", found, "Run: flask throttle clear LOGIN")
        return
    yield _check_answer(name, user, explanation.identity)
    if isinstance(user, dict) and not explanation.identity:  # the provider could not explain the login
        yield from _check_identity(services, user)


def _provider_to_ask(explanation: LoginExplanation) -> str | None:
    if explanation.unavailable or (explanation.decision and not explanation.identity):
        return None
    if explanation.decision:
        return explanation.decision.provider
    return next((result.provider for result in explanation.results if result.outcome == "unsupported"), None)


def _log_in(services: Services, link: Link, login: str, password: str, operator: str | None) -> Identity | Denied:
    """Return the answer of one provider to a login, which is counted and has an event like any other.

    Raises Throttled, ProviderUnavailable and Overloaded.
    """
    with recorded(LOGIN, login=login, provider=link.name, operator=operator) as result:
        attempt = services.throttle.begin(login, None)
        answer = ask_link(link, partial(authenticate_with, login=login, password=password))
        if isinstance(answer, ProviderUnavailable):
            raise answer
        answer = attempt.settle(answer)
        result.of_login(answer)
        return answer


def _check_answer(name: str, answer: Answer, expected: Identity | None) -> Check:
    if isinstance(answer, ProviderUnavailable):
        remedy = _FIX_RECORD if isinstance(answer, RequestFailed) else _SEE_ABOVE
        return Check("password", "failure", f"{name} {answer.statement}", remedy)
    if isinstance(answer, Denied):
        denial = describe_denial(answer.reason)
        return Check("password", "failure", f"{name} denies the login: {denial.text}", denial.remedy)
    found = f"{name} accepts the password and authenticates {answer['username']}"
    if expected and (answer["username"], {*answer["roles"]}) != (expected["username"], {*expected["roles"]}):
        found += f" with {', '.join(answer['roles']) or 'no role'}, which differs from the explanation above"
        remedy = (
            "Run the command again: the user may have changed meanwhile. Otherwise, correct the provider's `explain`"
        )
        return Check("password", "warning", found, remedy)
    return Check("password", "ok", found)
