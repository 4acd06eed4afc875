"""What a login would be granted, and why, without its password."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from providers.interface import (
    UNKNOWN_USER,
    Denied,
    Explanation,
    ProviderUnavailable,
    RequestFailed,
    SupportsExplain,
    SupportsFind,
)
from services.chain import Chain
from services.diagnosis.denial_reasons import describe_denial
from services.identity import Identity, shown_identity, validate_denial
from services.links import Answer, Link, ask_link
from services.provider_calls import explain_with, find_with
from services.tokens.claims import Claims
from services.tokens.issuer import TokenIssuer

Outcome = Literal["accepted", "denied", "unknown", "skipped", "unavailable", "failed", "unsupported"]
"""What a provider would do with the login and the right password.

`failed`: it cannot answer this request, although it answers others. `skipped`: it knows the user, but an earlier
provider decides. `unsupported`: it cannot explain this login.
"""

_NO_EXPLANATION = Explanation(None)


@dataclass(frozen=True)
class ProviderResult:
    """What one provider of the chain would do with the login."""

    provider: str
    outcome: Outcome
    explanation: Explanation = _NO_EXPLANATION
    error: str | None = None
    """Why the provider is unavailable or cannot answer: the predicate of a sentence about it."""

    def __str__(self) -> str:
        record = f" ({self.explanation.record})" if self.explanation.record else ""
        match self.outcome:
            case "accepted":
                return f"accepts {self.explanation.user['username'] if self.explanation.user else ''}{record}"
            case "denied":
                return f"denies the login: {describe_denial(self.explanation.reason).text}{record}"
            case "skipped":
                return f"also knows the user, but an earlier provider decides{record}"
            case "unavailable" | "failed":
                return str(self.error)
            case "unsupported":
                return "cannot explain a login without its password (it has no `explain`)"
        return "does not know this user"


@dataclass(frozen=True)
class LoginExplanation:
    """The results of all providers, in the order of the chain."""

    results: tuple[ProviderResult, ...]
    decision: ProviderResult | None
    """The result that decides the login; `None` if no provider decides it."""

    @property
    def identity(self) -> Identity | None:
        """The user whom the right password would authenticate."""
        if self.decision is None or self.decision.outcome != "accepted" or self.decision.explanation.user is None:
            return None
        return shown_identity(self.decision.explanation.user, self.decision.provider)

    @property
    def unavailable(self) -> ProviderResult | None:
        """The provider because of which the login would return 503; `None` if it would not."""
        if self.identity:
            return None
        return next((result for result in self.results if result.outcome in {"unavailable", "failed"}), None)

    @property
    def is_incomplete(self) -> bool:
        """Whether the answer of a provider is not known, because the provider cannot explain this login."""
        return any(result.outcome == "unsupported" for result in self.results)

    @property
    def reason(self) -> str | None:
        """The denial reason; `None` if the login would be accepted, or if no provider can explain it."""
        if self.identity or (self.decision is None and self.is_incomplete):
            return None
        return (self.decision.explanation.reason if self.decision else None) or UNKNOWN_USER


def explain_login(chain: Chain, login: str, failed: Collection[str] = ()) -> LoginExplanation:
    """Return what `Chain.authenticate` would do with `login` (normalized by `normalize_name`) and the right password.

    The providers named in `failed` are not asked and count as unavailable.
    """
    explainer = _Explainer(login, failed)
    steps = [*chain.walk(explainer.ask)]
    results = [explainer.result(step.link, step.answer) for step in steps]
    decision = next((result for step, result in zip(steps, results, strict=True) if step.decides), None)
    for link in chain.links[len(steps) :]:
        result = explainer.result(link, ask_link(link, explainer.ask))
        results.append(replace(result, outcome="skipped") if result.outcome in {"accepted", "denied"} else result)
    return LoginExplanation(tuple(results), decision)


def claims_of(issuer: TokenIssuer, identity: Identity) -> Claims:
    """Return the claims that every access token of this user has. Raises ValueError if no token can be issued."""
    issuer.generate(identity)
    return issuer.claims(identity)


class _Explainer:
    """Asks providers to explain one login, keeps the explanations, and returns them to the chain as answers."""

    def __init__(self, login: str, failed: Collection[str]) -> None:
        self._login = login
        self._failed = failed
        self._explanations: dict[str, Explanation | None] = {}

    def ask(self, link: Link) -> Identity | Denied:
        if link.name in self._failed:
            raise ProviderUnavailable("its checks failed", link.name)
        explanation = _explain(link, self._login)
        self._explanations[link.name] = explanation
        if explanation and explanation.user is not None:
            return shown_identity(explanation.user, link.name)
        return validate_denial(Denied((explanation.reason if explanation else None) or UNKNOWN_USER))

    def result(self, link: Link, answer: Answer) -> ProviderResult:
        if isinstance(answer, ProviderUnavailable):
            error = answer.statement
            if answer.provider != link.name:  # an earlier provider, which may have the username
                error = f"cannot decide, because {answer.provider} {error}"
            outcome: Outcome = "failed" if isinstance(answer, RequestFailed) else "unavailable"
            return ProviderResult(link.name, outcome, error=error)
        explanation = self._explanations[link.name]
        if explanation is None:
            return ProviderResult(link.name, "unsupported")
        if isinstance(answer, Denied):
            outcome = "unknown" if answer.reason == UNKNOWN_USER else "denied"
            return ProviderResult(link.name, outcome, replace(explanation, user=None, reason=answer.reason))
        return ProviderResult(link.name, "accepted", replace(explanation, user=answer))


def _explain(link: Link, login: str) -> Explanation | None:
    """Return the provider's explanation; `None` if it cannot explain this login."""
    if isinstance(link.provider, SupportsExplain):
        return explain_with(link, link.provider, login)
    # A provider that only supports `find` knows usernames, and the login may be the email of one of its users.
    user = find_with(link, link.provider, login) if isinstance(link.provider, SupportsFind) else None
    return Explanation(user) if user else None
