"""Rules with `not` exclude the members of a group in every spelling of its DN, and the doctor finds wrong DNs."""

from pathlib import Path

import pytest

from providers.interface import Check
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.users import SampleUser

GROUPS = f"ou=groups,{SUFFIX}"
FAY = SampleUser("fay", "fay@example.org", "the password of fay", ("staff",))
SUSPENDED = "suspendés ｆix"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with the user Fay, who is in the staff and suspended."""
    slapd.add_person(FAY)
    slapd.add(f"cn={SUSPENDED},{GROUPS}", ["groupOfNames"], {"member": person_dn("fay")})
    slapd.add(f"physicalDeliveryOfficeName=8,{GROUPS}", ["organizationalRole"], {"cn": "eight"})
    return slapd


def environ_with_rule(directory: Slapd, path: Path, excluded: str, key: str = "not") -> dict[str, str]:
    """Return an environment with a rule that gives the role `editor` to the staff, except members of a group."""
    file = path / "roles.toml"
    staff = f"cn=staff,{GROUPS}"
    file.write_text(f'[[rules]]\nroles = ["editor"]\nall = "{staff}"\n{key} = [{excluded!r}]\n', "utf-8")
    return directory.environ(LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(file))


def rules_check(environ: dict[str, str]) -> Check:
    """Return the doctor's check of the rules."""
    return next(check for check in ldap_provider(environ).check() if check.step == "rules")


@pytest.mark.parametrize(
    "dn",
    [
        f"cn={SUSPENDED},{GROUPS}",
        f"cn=suspende\u0301s ｆix,{GROUPS}",
        f"CN=SUSPENDÉS  ｆix , {GROUPS}",
        f"commonName={SUSPENDED},{GROUPS}",
        f"2.5.4.3={SUSPENDED},{GROUPS}",
        f"OID.2.5.4.3={SUSPENDED},organizationalUnitName=groups,{SUFFIX}",
        f'cn="{SUSPENDED}",{GROUPS}',
        f"cn=#{bytes((4, len(SUSPENDED.encode()))).hex()}{SUSPENDED.encode().hex()},{GROUPS}",
        # The directory finds the group under this DN, too: it prepares strings with NFKC (RFC 4518 §2.3).
        f"cn=suspendés fix,{GROUPS}",
    ],
)
def test_member_of_an_excluded_group_gets_no_role_in_any_spelling_of_its_dn(
    directory: Slapd, tmp_path: Path, dn: str
) -> None:
    provider = ldap_provider(environ_with_rule(directory, tmp_path, dn))
    user = provider.authenticate(FAY.username, FAY.password)
    assert user
    assert user["roles"] == []
    found = provider.find("fay")
    assert found
    assert found["roles"] == []


def test_excluded_group_that_does_not_exist_fails_the_check(directory: Slapd, tmp_path: Path) -> None:
    check = rules_check(environ_with_rule(directory, tmp_path, f"cn=supsended,{GROUPS}"))
    assert check.outcome == "failure"
    assert check.found == f"the exclusion of these groups has no effect: cn=supsended,{GROUPS} does not exist"
    assert "Write the DNs as the directory shows them" in (check.remedy or "")


@pytest.mark.parametrize(("key", "outcome"), [("not", "failure"), ("any", "warning")])
def test_group_with_another_dn_in_the_directory_is_reported_with_it(
    directory: Slapd, tmp_path: Path, key: str, outcome: str
) -> None:
    check = rules_check(environ_with_rule(directory, tmp_path, f"2.5.4.19=8,{GROUPS}", key))
    assert check.outcome == outcome
    assert check.found.endswith(
        f": 2.5.4.19=8,{GROUPS} has the DN physicalDeliveryOfficeName=8,{GROUPS} in the directory"
    )


def test_excluded_group_that_exists_passes_the_check(directory: Slapd, tmp_path: Path) -> None:
    dn = f"cn={SUSPENDED},{GROUPS}"
    assert rules_check(environ_with_rule(directory, tmp_path, dn)).outcome == "ok"


def test_group_inside_a_nested_exclusion_is_checked(directory: Slapd, tmp_path: Path) -> None:
    file = tmp_path / "roles.toml"
    staff = f"cn=staff,{GROUPS}"
    file.write_text(
        f'[[rules]]\nroles = ["x"]\nall = ["{staff}", {{ not = {{ all = ["{staff}", "cn=gone,{GROUPS}"] }} }}]\n'
    )
    check = rules_check(directory.environ(LDAP_ROLE_RULES_FILE=str(file)))
    assert (check.outcome, f"cn=gone,{GROUPS} does not exist" in check.found) == ("failure", True)


def test_explanation_of_a_rule_that_matches_shows_a_wrong_exclusion(directory: Slapd, tmp_path: Path) -> None:
    provider = ldap_provider(environ_with_rule(directory, tmp_path, f"cn=supsended,{GROUPS}"))
    (result,) = provider.explain("fay").rules
    assert (result.matched, result.near_misses) == (
        True,
        (f"the excluded group cn=supsended,{GROUPS} does not exist",),
    )
