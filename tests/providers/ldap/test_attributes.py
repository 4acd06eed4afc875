"""Attributes of entries: several values, options, other names and OIDs, and attributes that do not exist."""

import json
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from providers.interface import Check
from providers.ldap.settings import LdapSettings
from tests.servers import ldap_messages
from tests.servers import slapd as slapd_server
from tests.servers.directory389 import Directory389
from tests.servers.samba import Samba
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, scripted_ldap
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.directories import directory, ldap_provider
from tests.support.users import SampleUser

Server = Slapd | Samba | Directory389
GROUPS = f"ou=groups,{SUFFIX}"
DONE = ldap_messages.result(ldap_messages.SEARCH_DONE)
WANDA = SampleUser("wanda", "wanda@example.org", "the Passw0rd of wanda", ())


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> Slapd:
    """The shared OpenLDAP server with the user Wanda, who has several usernames."""
    slapd.add_person(WANDA)
    slapd.modify(person_dn("wanda"), {"uid": ["wanda", "wanda-before", "a-wanda"]})
    for number, member in enumerate(("wanda", "wanda-before", "a-wanda", "other")):
        slapd.add(f"cn=of-{member},{GROUPS}", ["posixGroup"], {"gidNumber": str(5000 + number), "memberUid": member})
    return slapd


@pytest.fixture(scope="module")
def windows(samba: Samba) -> Samba:
    """The shared domain controller with the user Wanda."""
    samba.add_person(WANDA)
    return samba


@pytest.fixture(scope="module")
def fedora(directory389: Directory389) -> Directory389:
    """The shared 389 Directory Server with the user Wanda."""
    directory389.add_person(WANDA)
    return directory389


@pytest.fixture(params=["openldap", "windows", "fedora"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the directories."""
    found: Server = request.getfixturevalue(request.param)
    return found


def roles(provider_environ: dict[str, str], login: str = "wanda") -> list[str]:
    """Return the roles after a login, after a test that a refresh gives the same."""
    provider = ldap_provider(provider_environ)
    user = provider.authenticate(login, WANDA.password)
    assert user
    assert provider.find(user["username"]) == user
    return user["roles"]


def check(environ: dict[str, str], step: str) -> Check:
    """Return a check of the doctor."""
    return next(check for check in ldap_provider(environ).check() if check.step == step)


@pytest.mark.parametrize(
    ("group_filter", "expected"),
    [
        ("(memberUid={uid})", ["a-wanda", "wanda", "wanda-before"]),
        ("(memberUid={UserID})", ["a-wanda", "wanda", "wanda-before"]),
        ("(memberUid={0.9.2342.19200300.100.1.1})", ["a-wanda", "wanda", "wanda-before"]),
        ("(&(objectClass=posixGroup)(!(memberUid={uid}))(cn=of-*))", ["other"]),
        ("(cn=of-{uid})", ["a-wanda", "wanda", "wanda-before"]),
        ("(memberUid={username})", ["wanda"]),
    ],
)
def test_group_filter_uses_all_values_of_an_attribute(openldap: Slapd, group_filter: str, expected: list[str]) -> None:
    mapped = {f"cn=of-{name},{GROUPS}": [name] for name in ("wanda", "wanda-before", "a-wanda", "other")}
    settings = {"LDAP_GROUP_BASE_DN": GROUPS, "LDAP_GROUP_FILTER": group_filter}
    assert roles(openldap.environ(LDAP_ROLE_MAP=json.dumps(mapped), **settings)) == expected


@pytest.mark.parametrize("name", ["cn", "CN", "commonName", "2.5.4.3"])
@pytest.mark.parametrize("email", ["mail", "Mail", "rfc822Mailbox", "0.9.2342.19200300.100.1.3"])
def test_attribute_may_have_any_of_its_names(server: Server, name: str, email: str) -> None:
    environ = server.environ(LDAP_USERNAME_ATTRIBUTE=name, LDAP_EMAIL_ATTRIBUTE=email, LDAP_USER_FILTER="(cn={login})")
    provider = ldap_provider(environ)
    user = provider.authenticate("wanda", WANDA.password)
    assert user
    assert (user["username"], user["email"]) == ("wanda", "wanda@example.org")
    assert provider.find("wanda") == user
    assert check(environ, "attributes").outcome == "ok"


def test_values_with_options_count_if_there_are_no_others(openldap: Slapd) -> None:
    openldap.add(
        f"cn=options,ou=people,{SUFFIX}",
        ["inetOrgPerson"],
        {"sn": "x", "uid;lang-de": "optional", "mail;lang-en": "optional@example.org", "userPassword": WANDA.password},
    )
    provider = ldap_provider(openldap.environ())
    user = provider.authenticate("optional@example.org", WANDA.password)
    assert user
    assert (user["username"], user["email"]) == ("optional", "optional@example.org")
    assert provider.find("optional") == user
    assert check(openldap.environ(), "users").outcome == "ok"
    openldap.modify(f"cn=options,ou=people,{SUFFIX}", {"uid": "changed", "mail": "changed@example.org"})
    user = provider.authenticate("optional@example.org", WANDA.password)
    assert user
    assert (user["username"], user["email"]) == ("changed", "changed@example.org")


@pytest.mark.parametrize("attribute", ["uid;lang-de", "mail;lang-fr"])
def test_value_with_an_option_does_not_lock_out_the_user_of_this_username(openldap: Slapd, attribute: str) -> None:
    dn = f"cn={attribute.partition(';')[0]}-thief,ou=people,{SUFFIX}"
    openldap.add(dn, ["inetOrgPerson"], {"sn": "x", "uid": f"thief-{attribute[0]}", attribute: "wanda"})
    assert roles(openldap.environ()) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LDAP_USERNAME_ATTRIBUTE", "1.3.6.1.4.1.9999.1"),
        ("LDAP_EMAIL_ATTRIBUTE", "1.3.6.1.4.1.9999.1"),
        ("LDAP_EMAIL_ATTRIBUTE", "mail;lang-en"),
        ("LDAP_USERNAME_ATTRIBUTE", "2."),
    ],
)
def test_unknown_oid_and_options_are_refused(openldap: Slapd, variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        LdapSettings.read(openldap.environ(**{variable: value}))
    assert [problem.subject for problem in raised.value.problems] == [variable]


def test_unknown_username_attribute_fails_the_check(server: Server) -> None:
    environ = server.environ(LDAP_USERNAME_ATTRIBUTE="loginName")
    checks = list(ldap_provider(environ).check())
    assert (checks[-1].step, checks[-1].outcome) == ("attributes", "failure")
    assert checks[-1].found == "the directory has no attribute loginName (LDAP_USERNAME_ATTRIBUTE)"
    assert (checks[-1].remedy or "").startswith("Set LDAP_USERNAME_ATTRIBUTE")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"LDAP_EMAIL_ATTRIBUTE": "emial"}, "emial"),
        ({"LDAP_USER_FILTER": "(&(|(uid={login})(cn={login}))(!(employeType=retired)))"}, "employeType"),
        ({"LDAP_GROUP_FILTER": "(|(member={dn})(gidNumber={gidNumbr;x-a}))"}, "gidnumbr"),
        ({"LDAP_GROUP_FILTER": "(membr={dn})"}, "membr"),
    ],
    ids=str,
)
def test_other_unknown_attribute_is_reported(server: Server, settings: dict[str, str], name: str) -> None:
    (variable,) = settings
    base = server.environ()["LDAP_BASE_DN"]
    found = check(server.environ(LDAP_GROUP_BASE_DN=base, **settings), "attributes")
    assert (found.outcome, found.remedy) == ("warning", f"Correct {variable}")
    assert found.found == f"the directory has no attribute {name} ({variable})"


def test_attribute_outside_of_the_schema_is_accepted_if_an_entry_has_it() -> None:
    root, schema = {"subschemaSubentry": ["cn=schema"]}, {"attributeTypes": ["( 2.5.4.3 NAME ( 'cn' 'commonName' ) )"]}
    responses = {
        b"subschemaSubentry": [ldap_messages.entry("", root), DONE],
        b"attributeTypes": [ldap_messages.entry("cn=schema", schema), DONE],
        b"acmeLogin": [ldap_messages.entry("cn=wanda,dc=x", {}), DONE],
        SEARCH_REQUEST: [DONE],
        BIND_REQUEST: [ldap_messages.result(ldap_messages.BIND_RESPONSE)],
    }
    with scripted_ldap(responses) as port:
        environ = {"LDAP_URL": f"ldap://127.0.0.1:{port}", "LDAP_INSECURE_PLAINTEXT": "true", "LDAP_BASE_DN": "dc=x"}
        outcomes = {
            name: check({**environ, "LDAP_USERNAME_ATTRIBUTE": name}, "attributes").outcome
            for name in ("acmeLogin", "commonName", "otherLogin")
        }
    assert outcomes == {"acmeLogin": "ok", "commonName": "ok", "otherLogin": "failure"}


def test_hidden_schema_is_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = 'access to dn.subtree="cn=Subschema" by * none\ndatabase mdb'
    monkeypatch.setattr(slapd_server, "CONFIGURATION", slapd_server.CONFIGURATION.replace("database mdb", hidden))
    with directory(tmp_path) as server:
        found = check(server.environ(), "attributes")
    assert (found.outcome, "does not show its schema" in found.found) == ("ok", True)
