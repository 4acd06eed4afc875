"""Changes of entries in the directory servers of the tests, with a connection of an administrator."""

from collections.abc import Mapping

from ldap3 import MODIFY_REPLACE, Connection


def add_entry(connection: Connection, dn: str, classes: list[str], attributes: Mapping[str, object]) -> None:
    """Add an entry."""
    _, result, _, _ = connection.add(dn, classes, dict(attributes))  # type: ignore[no-untyped-call]
    assert result["description"] == "success", (dn, result)


def replace_values(
    connection: Connection, dn: str, changes: Mapping[str, object], controls: list[object] | None = None
) -> None:
    """Replace the values of attributes. An empty list deletes the attribute."""
    replaced = {
        name: [(MODIFY_REPLACE, values if isinstance(values, list) else [values])] for name, values in changes.items()
    }
    _, result, _, _ = connection.modify(dn, replaced, controls)  # type: ignore[no-untyped-call]
    assert result["description"] == "success", result
