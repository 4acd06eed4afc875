"""Damaged files of signing keys: each is a key that signs and verifies, or is refused without a part of the key."""

import base64
import json
from datetime import UTC, datetime

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK

from services.keys import pem
from services.keys.directory import STATES_FILE, KeyDirectory, MissingCurrentKey, UnusableKeyDirectory
from tests.fuzz.strategies import ANY_TEXT, JSON_VALUES, damaged

WHOLE = [pem.generate(algorithm) for algorithm in ("ES256", "EdDSA", "EdDSA")]
"""RSA is slow: a key of any size would be checked for each example."""


def der(key: bytes) -> bytes:
    """Return the DER in a PEM file."""
    return base64.b64decode(b"".join(key.splitlines()[1:-1]))


def as_pem(content: bytes, kind: str) -> bytes:
    """Return DER as a PEM file."""
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(content).decode()}-----END {kind}-----\n".encode()


kinds = st.sampled_from(["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE", "X"])
key_files = damaged(WHOLE) | st.builds(as_pem, damaged([der(key) for key in WHOLE]) | st.binary(max_size=60), kinds)


@given(key_files)
def test_damaged_key_signs_and_verifies_or_is_refused(content: bytes) -> None:
    try:
        key = pem.parse(content, "key.pem")
    except pem.InvalidKeyFile as error:
        assert str(error).isprintable()
        assert not any(line in str(error) for line in content.decode("latin-1").splitlines() if len(line) > 8)
        return
    token = jwt.encode({}, key.signing, key.algorithm)
    assert jwt.decode(token, key.verifying, [key.algorithm]) == {}
    assert key.jwk
    assert jwt.decode(token, PyJWK(dict(key.jwk)), [key.algorithm]) == {}
    assert "d" not in key.jwk


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    """A directory with a current key and a next one."""
    directory = KeyDirectory(tmp_path_factory.mktemp("keys"))
    assert [directory.add("EdDSA").state for _ in range(2)] == ["current", "next"]
    return directory


def check_directory(directory: KeyDirectory, states: bytes) -> None:
    """Read the keys with these states: one of them is current, or the directory is refused in one line."""
    current = directory.path / STATES_FILE
    before = current.read_bytes()
    current.write_bytes(states)
    try:
        assert [stored.state for stored in directory.read()].count("current") == 1
    except MissingCurrentKey as error:
        assert all(stored.state != "current" for stored in error.keys)
    except UnusableKeyDirectory as error:
        assert all(line.isprintable() for line in error.lines)
    finally:
        current.write_bytes(before)


@given(data=st.data())
def test_damaged_states_name_one_current_key_or_are_refused(directory: KeyDirectory, data: st.DataObject) -> None:
    check_directory(directory, data.draw(damaged([(directory.path / STATES_FILE).read_bytes()])))


@given(current=ANY_TEXT, since=JSON_VALUES, retired=st.dictionaries(ANY_TEXT, JSON_VALUES, max_size=2))
def test_states_of_any_type_name_one_current_key_or_are_refused(
    directory: KeyDirectory, current: str, since: object, retired: dict[str, object]
) -> None:
    states = {"current": current, "since": since, "retired": retired}
    check_directory(directory, json.dumps(states).encode())
    check_directory(directory, json.dumps({**states, "since": str(datetime.now(UTC))}).encode())


@given(depth=st.integers(1, 5000), mark=st.sampled_from(["[", '{"a":']))
def test_nested_states_are_refused(directory: KeyDirectory, depth: int, mark: str) -> None:
    check_directory(directory, f'{{"current": {mark * depth}'.encode())
