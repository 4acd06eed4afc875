"""The LDAP client does not depend on users, settings, or the providers."""

from pathlib import Path

from tests.test_layers import ROOT, imported_names

CLIENT = ROOT / "providers" / "ldap" / "client"


def test_client_imports_only_itself_and_libraries() -> None:
    files = [*CLIENT.glob("*.py")]
    assert len(files) > 10
    product = tuple(f"{path.name}." for path in Path(ROOT).iterdir() if path.is_dir())
    imports = {name for path in files for name in imported_names(path.read_text("utf-8")) if name.startswith(product)}
    others = {name for name in imports if not name.startswith("providers.ldap.client.")}
    assert all(name.startswith("config.forks.") for name in others)
    assert imports
