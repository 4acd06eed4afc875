"""Private keys in PEM files: which keys and which permissions are accepted."""

import os
import stat
import subprocess
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.keys import pem

PASSWORD = "hunter2-hunter2"
ENCRYPTED = ("-aes256", "-pass", f"pass:{PASSWORD}")
RSA = ("genpkey", "-algorithm", "RSA", "-pkeyopt")
PUBLIC = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"e", "n"}}
NOT_A_KEY = "is not a PEM file of one private key without a passphrase"
UNSUPPORTED = "is not an Ed25519 key, a P-256 key, or an RSA key of at least 2048 bits"


def openssl(*arguments: str) -> bytes:
    """Return the output of openssl."""
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def ec_key(curve: str) -> tuple[str, ...]:
    return ("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")


def put(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    """Write a file with this mode."""
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def rejection(path: Path) -> str:
    """Return why the file is rejected. Neither the error nor its traceback contains a part of the key."""
    with pytest.raises(pem.InvalidKeyFile) as caught:
        pem.read(path)
    text = "".join(traceback.format_exception(caught.value))
    secrets = path.read_text().splitlines() if path.is_file() else []
    assert [line for line in (*secrets, PASSWORD) if len(line) > 8 and line in text] == []
    return str(caught.value)


@pytest.mark.parametrize(
    ("begin", "arguments", "algorithm"),
    [
        ("PRIVATE KEY", ("genpkey", "-algorithm", "ed25519"), "EdDSA"),
        ("PRIVATE KEY", ec_key("P-256"), "ES256"),
        ("EC PRIVATE KEY", ("ecparam", "-name", "prime256v1", "-genkey", "-noout"), "ES256"),
        ("EC PARAMETERS", ("ecparam", "-name", "prime256v1", "-genkey"), "ES256"),
        ("PRIVATE KEY", (*RSA, "rsa_keygen_bits:2048"), "RS256"),
        ("RSA PRIVATE KEY", ("genrsa", "-traditional", "2048"), "RS256"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_key_of_openssl_is_accepted(tmp_path: Path, begin: str, arguments: tuple[str, ...], algorithm: str) -> None:
    octets = openssl(*arguments)
    assert octets.startswith(f"-----BEGIN {begin}-----".encode())
    assert pem.read(put(tmp_path / "x.pem", octets)).algorithm == algorithm


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("genpkey", "-algorithm", "ed25519", *ENCRYPTED), NOT_A_KEY),
        (("genrsa", "-traditional", "-aes128", "-passout", f"pass:{PASSWORD}", "2048"), NOT_A_KEY),
        ((*ec_key("P-256"), *ENCRYPTED), NOT_A_KEY),
        (ec_key("P-384"), UNSUPPORTED),
        (ec_key("secp256k1"), UNSUPPORTED),
        (("genpkey", "-algorithm", "ed448"), UNSUPPORTED),
        (("genpkey", "-algorithm", "x25519"), UNSUPPORTED),
        ((*RSA, "rsa_keygen_bits:1024"), UNSUPPORTED),
        ((*RSA, "rsa_keygen_bits:2047"), UNSUPPORTED),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_unsupported_or_encrypted_key_is_rejected(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    assert rejection(put(tmp_path / "x.pem", openssl(*arguments))) == f"x.pem {why}"


@pytest.mark.parametrize("octets", [b"", b"\n", b"\xff\xfe" * 9, b"hunter2-hunter2", b"-----BEGIN PRIVATE KEY-----\n"])
def test_file_without_a_key_is_rejected(tmp_path: Path, octets: bytes) -> None:
    path = put(tmp_path / "x.pem", octets)
    with pytest.raises(pem.InvalidKeyFile, match=f"^x.pem {NOT_A_KEY}$"):
        pem.read(path)


def test_public_key_and_certificate_are_rejected(tmp_path: Path) -> None:
    private = put(tmp_path / "private.pem", pem.generate("ES256"))
    public = openssl("pkey", "-in", str(private), "-pubout")
    certificate = openssl("req", "-x509", "-key", str(private), "-subj", "/CN=x")
    for name, octets in (("public.pem", public), ("certificate.pem", certificate)):
        assert rejection(put(tmp_path / name, octets)) == f"{name} {NOT_A_KEY}"


def test_unreadable_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "directory.pem").mkdir(mode=0o700)
    assert rejection(tmp_path / "directory.pem") == "directory.pem cannot be read: Is a directory"
    assert rejection(tmp_path / "missing.pem") == "missing.pem cannot be read: No such file or directory"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_that_only_its_owner_can_read_is_accepted(tmp_path: Path, mode: int) -> None:
    assert pem.read(put(tmp_path / "x.pem", pem.generate("EdDSA"), mode))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777])
def test_file_that_other_users_can_access_is_rejected(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path / "x.pem", pem.generate("EdDSA"), mode)
    assert rejection(path) == "x.pem can be read by other users"


@pytest.mark.parametrize(
    ("mode", "accepted"), [(0o640, True), (0o440, True), (0o600, True), (0o660, False), (0o644, False), (0o444, False)]
)
def test_mounted_file_of_root_may_be_readable_by_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, accepted: bool
) -> None:
    path = put(tmp_path / "x.pem", pem.generate("EdDSA"), mode)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # as if root had mounted the file for a service
    if accepted and owner == 0:
        assert pem.read(path).algorithm == "EdDSA"
    else:  # the file belongs to another user than root
        assert "can be read by other users" in rejection(path)


@pytest.mark.parametrize(("mode", "accepted"), [(0o640, True), (0o660, False), (0o644, False)])
def test_root_accepts_its_file_that_a_group_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, accepted: bool
) -> None:
    path = put(tmp_path / "x.pem", pem.generate("EdDSA"), mode)
    real = path.stat()
    root_file = os.stat_result([*real[:4], 0, 4711, *real[6:]])
    monkeypatch.setattr(os, "fstat", lambda _: root_file)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if accepted:
        assert pem.read(path)
    else:
        assert "can be read by other users" in rejection(path)


def test_permissions_of_the_target_of_a_link_count(tmp_path: Path) -> None:
    (tmp_path / "x.pem").symlink_to(put(tmp_path / "target", pem.generate("EdDSA")))
    assert stat.S_IMODE(os.lstat(tmp_path / "x.pem").st_mode) == 0o777
    assert pem.read(tmp_path / "x.pem")
    (tmp_path / "target").chmod(0o644)
    assert "x.pem can be read by other users" in rejection(tmp_path / "x.pem")


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_generated_key_shows_only_its_public_part(algorithm: str) -> None:
    octets = pem.generate(algorithm)
    key = pem.parse(octets, "x")
    assert key.jwk
    assert set(key.jwk) == {"kty", "kid", "alg", "use", *PUBLIC[key.jwk["kty"]]}
    assert (key.jwk["alg"], key.jwk["use"], key.jwk["kid"]) == (key.algorithm, "sig", key.id)
    assert key.algorithm == algorithm
    assert [line for line in octets.decode().splitlines() if line in f"{key!r} {key}"] == []
    assert repr(key) == f"Key(id='{key.id}', algorithm='{algorithm}')"


def test_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"  # RFC 8037 appendix A
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    octets = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert pem.parse(octets, "x").id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_key_has_the_same_id_in_every_format(tmp_path: Path) -> None:
    sec1 = put(tmp_path / "a.pem", openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    pkcs8 = put(tmp_path / "b.pem", openssl("pkcs8", "-topk8", "-nocrypt", "-in", str(sec1)))
    assert sec1.read_bytes() != pkcs8.read_bytes()
    assert pem.read(sec1).id == pem.read(pkcs8).id
