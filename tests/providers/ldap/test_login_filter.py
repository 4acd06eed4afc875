"""LDAP_USER_FILTER: every accepted template works for logins and refreshes, and others are refused with the reason."""

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from config.errors import ConfigurationError, Problem
from providers.ldap.login_filter import condition_on_users
from providers.ldap.settings import LdapSettings
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.users import SampleUser

LEA = SampleUser("lea", "lea@example.org", "the password of lea", ())
LOGINS = ["lea", "lea@example.org", "Lea Ng", "4711", "11", "acme-4711", "people", r"ACME\lea"]

ATTRIBUTES = [
    "uid",
    "mail",
    "cn",
    "sn",
    "departmentNumber",
    "employeeType",
    "uidNumber",
    "entryDN",
    "2.5.4.3",
    "memberOf",
]
OPERATORS = ["=", "=", "=", "~=", ">=", "<=", ":caseExactMatch:=", ":caseIgnoreMatch:=", ":dn:=", ":2.5.13.5:=", ":="]
TEXTS = ["", "", "", "lea", "@example.org", "acme-", "uid=", f",ou=people,{SUFFIX}", "*", " ", "x"]


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with the user Lea."""
    slapd.add_person(LEA)
    posix = {"uidNumber": "4711", "gidNumber": "1", "homeDirectory": "/"}
    names = {"cn": ["lea", "Lea Ng"], "sn": "ng", "departmentNumber": "acme-4711", "employeeType": "staff"}
    slapd.modify(person_dn("lea"), {"objectClass": ["inetOrgPerson", "posixAccount"], **posix, **names})
    return slapd


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """A comparison, most with a placeholder."""
    attribute, operator = draw(st.sampled_from(ATTRIBUTES)), draw(st.sampled_from(OPERATORS))
    before, after = draw(st.sampled_from(TEXTS)), draw(st.sampled_from(TEXTS))
    placeholder = draw(st.sampled_from(["{login}", "{login}", "{account}", "staff"]))
    return f"({attribute}{operator}{before}{placeholder}{after})"


TEMPLATES = st.recursive(
    comparisons(),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda some: f"(&{''.join(some)})"),
        st.lists(parts, min_size=1, max_size=3).map(lambda some: f"(|{''.join(some)})"),
        parts.map(lambda part: f"(!{part})"),
    ),
    max_leaves=4,
)


@example(f"(entryDN=uid={{login}},ou=people,{SUFFIX})", ["lea"])
@example("(!(uid=x{login}))", ["lea"])
@example("(cn~={login})", ["lea"])
@example("(uid>={login})", ["lea"])
@example("(uidNumber=47{login})", ["11"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(template=TEMPLATES, logins=st.lists(st.sampled_from(LOGINS), min_size=1, max_size=3, unique=True))
def test_user_of_every_accepted_template_is_found_again(directory: Slapd, template: str, logins: list[str]) -> None:
    environ = directory.environ(LDAP_USER_FILTER=template, LDAP_DOMAIN="ACME")
    try:
        LdapSettings.read(environ)
    except ConfigurationError:
        assume(False)
    provider = ldap_provider(environ)
    for login in logins:
        user = provider.authenticate(login, LEA.password)
        assert not user or provider.find(user["username"]) == user


@pytest.mark.parametrize(
    ("template", "logins"),
    [
        ("(uid={login})", ["lea", "LEA"]),
        ("(uid:caseExactMatch:={login})", ["lea"]),
        ("(|(uid={login})(cn:2.5.13.5:={login}))", ["lea", "LEA", "Lea Ng"]),
        ("(mail={login}@example.org)", ["lea"]),
        ("(departmentNumber=acme-{login})", ["4711"]),
        (
            "(&(employeeType=staff)(!(employeeType=retired))(|(uid={account})(uidNumber={login})))",
            ["ACME\\lea", "4711"],
        ),
        ("( & (uid=*) (cn={login}) )", ["Lea Ng", "lea"]),
    ],
)
def test_accepted_template_logs_in_and_refreshes(directory: Slapd, template: str, logins: list[str]) -> None:
    provider = ldap_provider(directory.environ(LDAP_USER_FILTER=template, LDAP_DOMAIN="ACME"))
    for login in logins:
        assert provider.authenticate(login, LEA.password)
    assert not provider.authenticate("lea ng of acme", LEA.password)
    assert provider.find("lea")


def test_other_conditions_of_the_filter_apply_at_each_refresh(directory: Slapd) -> None:
    template = "(&(|(uid={login})(mail={login}@example.org))(employeeType=staff)(!(description=retired*)))"
    provider = ldap_provider(directory.environ(LDAP_USER_FILTER=template))
    assert provider.find("lea")
    for values, is_user in ((("guest", []), False), (("staff", "retired in May"), False), (("staff", []), True)):
        directory.modify(person_dn("lea"), dict(zip(("employeeType", "description"), values, strict=True)))
        assert bool(provider.find("lea")) == is_user


@pytest.mark.parametrize(
    ("template", "condition"),
    [
        ("(uid={login})", "(uid=*)"),
        ("(|(uid={login})(mail={login}@x)(c=d))", "(|(uid=*)(mail=*@x)(c=d))"),
        ("(mail={account}@{login}.org)", "(mail=*@*.org)"),
        ("(&(a={login}{account})(!(b=x)))", "(&(a=*)(!(b=x)))"),
        ("(a=x{login}{account})", "(a=x*)"),
        (r"(cn=\28x\29 {login})", r"(cn=\28x\29 *)"),
        ("(uid:caseExactMatch:={login})", "(uid=*)"),
    ],
)
def test_condition_has_no_login(template: str, condition: str) -> None:
    assert condition_on_users(template) == condition


def refusal(directory: Slapd, variable: str, template: str) -> Problem:
    """Return the only problem of settings with this filter, which the variable has."""
    with pytest.raises(ConfigurationError) as raised:
        LdapSettings.read(directory.environ(**{variable: template}))
    (problem,) = raised.value.problems
    assert problem.subject == variable
    return problem


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("(uid = {login})", "there is a space beside ="),
        ("(uid= {login})", "must not have a space beside a placeholder"),
        ("(uid={login}  )", "must not have a space beside a placeholder"),
        ("(uid={login} )", "must not have a space beside a placeholder"),
        ("(uid={login}*)", "must not have * beside a placeholder"),
        ("(uid=*{login})", "must not have * beside a placeholder"),
        ("(uid={login}", "a ( has no )"),
        ("(&(uid={login})(cn=x)", "a ( has no )"),
        ("(uid={login}))", "a ) has no ("),
        ("uid={login}", "it does not begin with ("),
        ("(!(mail={login}))", "must not have a placeholder inside of (!...)"),
        ("(&(uid={login})(!(|(cn=x)( &(mail={login})(a=b)))))", "must not have a placeholder inside of (!...)"),
        ("(cn~={login})", "must compare a placeholder with =, because ~= does not identify a user"),
        ("(uid>={login})", "because >= does not identify a user"),
        ("(uid<={account})", "because <= does not identify a user"),
        ("(entryDN=uid={login},ou=people,dc=example,dc=org)", "must not have a placeholder inside of a DN"),
        ("(ou:dn:={login})", "with the DNs of entries (:dn)"),
        ("(ou:DN:2.5.13.2:={login})", "with the DNs of entries (:dn)"),
        ("(:caseExactMatch:={login})", "must name an attribute"),
        ("(mail:caseExactMatch:={login}@x)", "must not have text beside a placeholder with a matching rule"),
        ("(uidNumber=1{login})", "must not have text beside a placeholder for uidNumber"),
        ("({login}=x)", "is not an LDAP filter"),
        ("(uid={login})(mail={login})", "is not an LDAP filter"),
    ],
)
def test_other_template_is_refused_with_the_reason(directory: Slapd, template: str, reason: str) -> None:
    problem = refusal(directory, "LDAP_USER_FILTER", template)
    assert reason in problem.found
    assert f" (it is '{template}'). " in str(ConfigurationError([problem]))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("(member = {dn})", "there is a space beside ="),
        ("(member={dn}", "a ( has no )"),
        ("(memberUid={uid} )", "must not have a space beside a placeholder"),
        ("(memberUid={1.3.6.1.4.1.9999.1})", "has an OID that Latchkey does not know"),
    ],
)
def test_group_filter_is_refused_with_the_reason(directory: Slapd, template: str, reason: str) -> None:
    assert reason in refusal(directory, "LDAP_GROUP_FILTER", template).found
