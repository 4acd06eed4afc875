"""The contract finds the fault of each of many broken providers, by the rule that names it."""

import re
import threading
from itertools import chain

import pytest

import tests.contract.broken_logins
import tests.contract.broken_methods  # noqa: F401 - both fill BROKEN
from services.links import Link
from services.provider_contract.accounts import SAMPLE_ACCOUNTS
from services.provider_contract.outages import failing_port
from services.provider_contract.rules import RULES, applicable_rules
from services.provider_contract.subject import BrokenContract, Subject
from tests.contract.acme import BROKEN, DISABLED, TOKEN, Acme
from tests.servers.process import wait_until
from tests.support.newcomer import ROOT

NAMES = {rule.__name__: rule for rule in chain(*RULES.values())}


def subject_of(provider: type[Acme]) -> Subject:
    return Subject(Link("acme", provider()), SAMPLE_ACCOUNTS, DISABLED, (TOKEN,), provider, time_limit=0.5)


@pytest.mark.parametrize(("rule", "found", "provider"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_provider_is_found_by_the_rule_that_names_its_fault(rule: str, found: str, provider: type[Acme]) -> None:
    with pytest.raises(BrokenContract) as broken:
        NAMES[rule](subject_of(provider))
    assert found in broken.value.found
    assert broken.value.remedy
    assert not any(account.password in str(broken.value) for account in SAMPLE_ACCOUNTS)


@pytest.mark.parametrize("rule", NAMES)
def test_provider_without_a_fault_keeps_each_rule(rule: str) -> None:
    subject = subject_of(Acme)
    assert NAMES[rule] in [*applicable_rules(subject)]
    NAMES[rule](subject)


def test_failing_store_ends_with_the_rule_that_finds_a_fault() -> None:
    before = {*threading.enumerate()}
    with pytest.raises(BrokenContract), failing_port():
        raise BrokenContract(found="find returns None", remedy="Raise ProviderUnavailable")
    wait_until(lambda: {*threading.enumerate()} <= before)


def test_documentation_lists_each_rule() -> None:
    page = (ROOT / "docs/provider-contract.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+_\w+)` \| (.+) \|$", page.partition("| rule |")[2], re.MULTILINE)
    assert listed == [(name, str(rule.__doc__).splitlines()[0]) for name, rule in NAMES.items()]


def test_each_rule_finds_a_broken_provider() -> None:
    never_broken = {*NAMES} - {rule for rule, _, _ in BROKEN}
    assert never_broken == set()
