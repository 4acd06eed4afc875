"""What the author of a provider may import. Every name here is the same object as in the package that defines it."""

from config.errors import ConfigurationError, Problem
from passwords.errors import Overloaded
from providers.interface import (
    TIME_LIMIT_SECONDS,
    AuthProvider,
    Check,
    Denied,
    Explanation,
    Membership,
    ProviderUnavailable,
    RequestFailed,
    RuleResult,
    User,
)

__all__ = [
    "TIME_LIMIT_SECONDS",
    "AuthProvider",
    "Check",
    "ConfigurationError",
    "Denied",
    "Explanation",
    "Membership",
    "Overloaded",
    "Problem",
    "ProviderUnavailable",
    "RequestFailed",
    "RuleResult",
    "User",
]
