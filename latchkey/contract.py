"""The contract of providers as tests for pytest. Inherit `ProviderContract` in a test file of the provider's package.

The rules do not use `assert`, so their messages do not depend on the rewriting of assertions, or on `python -O`.
"""

import secrets
import traceback
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from flask.testing import FlaskClient

from app import create_app
from services.links import Link
from services.provider_contract.accounts import SAMPLE_ACCOUNTS, Account
from services.provider_contract.rules import RULES, Rule, methods_of
from services.provider_contract.subject import BrokenContract, Subject

__all__ = ["SAMPLE_ACCOUNTS", "Account", "ProviderContract", "client_of"]

NOT_SET: Any = object()


def client_of(provider: str, environ: Mapping[str, str]) -> FlaskClient:
    """Return a client of a service with this provider, which is named as in AUTH_PROVIDER, and these settings."""
    return create_app({**environ, "AUTH_PROVIDER": provider, "SECRET_KEY": secrets.token_hex()}).test_client()


class ProviderContract:
    """Tests that a provider has to pass: one for each rule of the contract.

    Override the fixture `provider`, and set the attributes.
    """

    accounts: ClassVar[Sequence[Account]] = SAMPLE_ACCOUNTS
    """The accounts that the store has. If it cannot be filled, name at least one account that it has."""
    methods: ClassVar[Collection[str]] = ()
    """The methods of the provider in addition to `authenticate`, such as `find`."""
    secrets: ClassVar[Sequence[str]] = ()
    """The secrets in the settings of the provider, such as the key of an API."""
    disabled: ClassVar[Account | None] = NOT_SET
    """An account of the store that is disabled. `None` if the store has none."""
    uses_network: ClassVar[bool] = True
    """Whether the provider connects to its store. Then override `provider_at`."""

    @pytest.fixture
    def provider(self) -> Any:
        """Return the provider under test. A class of tests overrides this fixture."""
        pytest.fail(f"define a fixture `provider` in {type(self).__name__}, which returns your provider", pytrace=False)

    def provider_at(self, port: int) -> Any:
        """Return a provider whose store is at this port of 127.0.0.1, where the tests let it fail."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run `test_contract` once for each rule about the methods of the provider."""
        if metafunc.function is type(self).test_contract:
            unknown = sorted({*self.methods} - {*RULES})
            if unknown:
                message = f"{type(self).__name__}.methods has {', '.join(unknown)}. Methods are {', '.join(RULES)}"
                raise pytest.UsageError(message)
            rules = [rule for method in dict.fromkeys(("authenticate", *self.methods)) for rule in RULES[method]]
            metafunc.parametrize("rule", rules, ids=[rule.__name__ for rule in rules])

    def test_contract(self, rule: Rule, provider: Any) -> None:
        """The provider keeps the rule."""
        if broken := _violation(rule, self._subject(provider)):
            cause = "".join(traceback.format_exception(broken.__cause__)) if broken.__cause__ else ""
            pytest.fail(f"{rule.__doc__}\n{broken}\n{cause}", pytrace=False)

    def test_every_method_of_the_provider_is_tested(self, provider: Any) -> None:
        """`methods` names each optional method that the provider has."""
        missing = [name for name in methods_of(provider) if name not in {"authenticate", *self.methods}]
        absent = [name for name in self.methods if name not in methods_of(provider)]
        if missing:
            pytest.fail(
                f"the provider has {', '.join(missing)}: add them to {type(self).__name__}.methods", pytrace=False
            )
        if absent:
            pytest.fail(f"the provider has no {', '.join(absent)}: see {type(self).__name__}.methods", pytrace=False)

    def test_outages_and_disabled_users_are_tested(self) -> None:
        """The class of tests says how the store fails, and which account is disabled."""
        if self.uses_network and type(self).provider_at is ProviderContract.provider_at:
            remedy = "define provider_at(self, port), which returns a provider whose store is at this port of 127.0.0.1"
            pytest.fail(f"{remedy}; or set uses_network = False if the provider connects to nothing", pytrace=False)
        if self.disabled is NOT_SET:
            remedy = "set disabled = Account(…), an account of the store that is disabled"
            pytest.fail(f"{remedy}; or set disabled = None if the store of the test has none", pytrace=False)

    def _subject(self, provider: Any) -> Subject:
        name = type(provider).__name__
        disabled = None if self.disabled is NOT_SET else self.disabled
        is_connected = self.uses_network and type(self).provider_at is not ProviderContract.provider_at
        provider_at = self.provider_at if is_connected else None
        return Subject(Link(name, provider), self.accounts, disabled, self.secrets, provider_at)


def _violation(rule: Rule, subject: Subject) -> BrokenContract | None:
    """Return how a provider breaks a rule. pytest would report a second time what it raises."""
    try:
        rule(subject)
    except BrokenContract as broken:
        return broken
    return None
