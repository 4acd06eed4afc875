"""What a login would give, and why: the chain, asked without a password."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from providers.interface import SHADOWED, UNKNOWN_USER, Explanation, ProviderUnavailable, SupportsExplain, SupportsFind
from services.chain import Chain, Identity, Link, checked_user, known_to, translate_provider_errors
from services.diagnosis.denial_reasons import refusal
from services.tokens.claims import Claims
from services.tokens.issuer import TokenIssuer

Outcome = Literal["known", "refused", "unknown", "passed_over", "out", "untold"]
"""It lets them in, knows them but does not, does not know them, is not asked since an earlier provider has answered,
cannot be asked, or cannot say without a password."""

_NOTHING = Explanation(None)


@dataclass(frozen=True)
class ProviderResult:
    """What one provider of the chain says of a login."""

    idp: str
    outcome: Outcome
    explanation: Explanation = _NOTHING
    outage: str | None = None

    def __str__(self) -> str:
        record = f": {self.explanation.record}" if self.explanation.record else ""
        match self.outcome:
            case "known":
                return f"knows {self.explanation.user['username'] if self.explanation.user else ''}{record}"
            case "refused":
                return f"lets nobody in, since {refusal(self.explanation.reason).words}{record}"
            case "passed_over":
                return f"knows them too, but an earlier provider has answered{record}"
            case "out":
                return f"cannot be asked: {self.outage}"
            case "untold":
                return "cannot say without a password (it has no `explain`)"
        return "does not know them"


@dataclass(frozen=True)
class LoginExplanation:
    """What all of them say, in the order in which they are asked."""

    links: tuple[ProviderResult, ...]
    decisive: ProviderResult | None
    """Who settles it; `None` if none of them knows the login."""

    @property
    def identity(self) -> Identity | None:
        """Who would be let in with the right password."""
        if self.decisive is None or self.decisive.outcome != "known" or self.decisive.explanation.user is None:
            return None
        return checked_user(self.decisive.idp, self.decisive.explanation.user)

    @property
    def outage(self) -> ProviderResult | None:
        """The provider for whose sake the login would be answered with 503."""
        return None if self.identity else next((link for link in self.links if link.outcome == "out"), None)

    @property
    def untold(self) -> bool:
        """Whether a provider cannot say without a password."""
        return any(link.outcome == "untold" for link in self.links)

    @property
    def reason(self) -> str | None:
        """Why nobody would be let in; `None` if somebody would."""
        if self.identity:
            return None
        return (self.decisive.explanation.reason if self.decisive else None) or UNKNOWN_USER


def explain_login(chain: Chain, login: str, broken: Collection[str] = ()) -> LoginExplanation:
    """Return what `login`, gated as for a login, would give: what `Chain.authenticate` does with the right password.

    Providers that are `broken` are not asked, and count as out.
    """
    answers: list[ProviderResult] = []
    asked: list[Link] = []
    decisive: ProviderResult | None = None
    for link in chain.links:
        answer = (
            ProviderResult(link.name, "out", outage="its checks fail") if link.name in broken else _ask(link, login)
        )
        if decisive:
            answer = replace(answer, outcome="passed_over") if answer.outcome in {"known", "refused"} else answer
        else:
            answer = _unless_shadowed(answer, asked)
            if answer.outcome in {"known", "refused"} or (answer.outcome == "out" and not link.skip_unavailable):
                decisive = answer
            elif answer.outcome != "out":
                asked.append(link)
        answers.append(answer)
    return LoginExplanation(tuple(answers), decisive)


def claims_of(issuer: TokenIssuer, identity: Identity) -> Claims:
    """Return what every token of theirs would say. Raises ValueError if none could be made."""
    issuer.generate(identity)
    return issuer.claims(identity)


def _ask(link: Link, login: str) -> ProviderResult:
    try:
        with translate_provider_errors(link):
            told = _told(link, login)
    except ProviderUnavailable as error:
        return ProviderResult(link.name, "out", outage=error.reason)
    if told is None:
        return ProviderResult(link.name, "untold")
    if told.user:
        return ProviderResult(link.name, "known", replace(told, user=checked_user(link.name, told.user)))
    return ProviderResult(link.name, "unknown" if told.reason in {None, UNKNOWN_USER} else "refused", told)


def _told(link: Link, login: str) -> Explanation | None:
    """Return what the provider says; `None` if it cannot say."""
    if isinstance(link.provider, SupportsExplain):
        return link.provider.explain(login)
    # One that only finds knows usernames; the login may be an address of somebody whom it knows.
    user = link.provider.find(login) if isinstance(link.provider, SupportsFind) else None
    return Explanation(user) if user else None


def _unless_shadowed(answer: ProviderResult, asked: Sequence[Link]) -> ProviderResult:
    """Return the answer, or that the name belongs to one of those who were asked before and did not know the login."""
    user = answer.explanation.user
    if answer.outcome != "known" or user is None:
        return answer
    try:
        shadowed = known_to(asked, user["username"])
    except ProviderUnavailable as error:
        return ProviderResult(answer.idp, "out", outage=str(error))
    told = replace(answer.explanation, user=None, reason=SHADOWED)
    return ProviderResult(answer.idp, "refused", told) if shadowed else answer
