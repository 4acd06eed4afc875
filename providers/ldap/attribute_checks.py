"""The doctor's check of the attributes in the settings: whether the directory defines them."""

from collections.abc import Iterator

from providers.ldap.client.attribute_types import short_name, type_name
from providers.ldap.client.errors import LdapError
from providers.ldap.client.filters import attributes, placeholders, presence
from providers.ldap.client.protocol import DN_ONLY, SUBTREE
from providers.ldap.client.schema import defined_attributes
from providers.ldap.client.session import SupportsSearch
from providers.ldap.connection_diagnosis import Finding
from providers.ldap.settings import LdapSettings

_USERNAME_ATTRIBUTE = "LDAP_USERNAME_ATTRIBUTE"


def check_attributes(settings: LdapSettings, session: SupportsSearch) -> Finding:
    """Return the attributes in the settings that do not exist. Raises LdapError if the username is one of them.

    Another check reports a directory that does not answer.
    """
    try:
        unknown = _unknown_attributes(settings, session)
    except LdapError:
        return "not compared, because the directory does not show its schema", None
    if not unknown:
        return "the directory defines all attributes in the settings", None
    found = "; ".join(f"the directory has no attribute {name} ({variable})" for variable, name in unknown)
    if (_USERNAME_ATTRIBUTE, settings.name_attribute) in unknown:
        raise LdapError(found)
    return found, f"Correct {', '.join(dict.fromkeys(variable for variable, _ in unknown))}"


def _unknown_attributes(settings: LdapSettings, session: SupportsSearch) -> list[tuple[str, str]]:
    """Return each variable with each of its attributes that is not in the schema, and that no entry has."""
    defined, bases = defined_attributes(session), (*settings.base_dn, *settings.group_base_dn)
    return [
        (variable, name)
        for variable, name in dict.fromkeys(_configured(settings))
        if short_name(name) not in defined
        and not any(session.search(base, SUBTREE, presence(name), DN_ONLY, 1) for base in bases)
    ]


def _configured(settings: LdapSettings) -> Iterator[tuple[str, str]]:
    """Yield each variable that is set with each attribute type in it, and the attribute of the username."""
    yield _USERNAME_ATTRIBUTE, settings.name_attribute
    if "email_attribute" in settings.model_fields_set:
        yield "LDAP_EMAIL_ATTRIBUTE", settings.email_attribute
    for name in sorted(attributes(settings.user_filter or "")):
        yield "LDAP_USER_FILTER", name
    if settings.group_base_dn and "group_filter" in settings.model_fields_set:
        named = attributes(settings.group_filter) | (placeholders(settings.group_filter) - {"dn", "username"})
        for name in sorted(map(type_name, named)):
            yield "LDAP_GROUP_FILTER", name
