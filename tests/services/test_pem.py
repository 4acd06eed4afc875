"""Private keys in PEM files: which are taken, from whom, and what is said of those that are not."""

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
NO_KEY = "is not a PEM file with one private key that has no passphrase"
NO_KEY_FOR_US = "has a key that is not Ed25519, P-256, or RSA of 2048 bits or more"


def openssl(*arguments: str) -> bytes:
    """Return what openssl prints."""
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def elliptic(curve: str) -> tuple[str, ...]:
    return ("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")


def put(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    """Write a file with this mode."""
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def refusal(path: Path) -> str:
    """Return why the file is refused, once it is sure that nothing shows what is in it."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the callers look at the words
        pem.read(path)
    shown = "".join(traceback.format_exception(caught.value))
    secrets = path.read_text().splitlines() if path.is_file() else []
    assert [line for line in (*secrets, PASSWORD) if len(line) > 8 and line in shown] == []
    return str(caught.value)


@pytest.mark.parametrize(
    ("begin", "arguments", "algorithm"),
    [
        ("PRIVATE KEY", ("genpkey", "-algorithm", "ed25519"), "EdDSA"),
        ("PRIVATE KEY", elliptic("P-256"), "ES256"),
        ("EC PRIVATE KEY", ("ecparam", "-name", "prime256v1", "-genkey", "-noout"), "ES256"),
        ("EC PARAMETERS", ("ecparam", "-name", "prime256v1", "-genkey"), "ES256"),
        ("PRIVATE KEY", (*RSA, "rsa_keygen_bits:2048"), "RS256"),
        ("RSA PRIVATE KEY", ("genrsa", "-traditional", "2048"), "RS256"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_key_that_openssl_made_is_taken(
    tmp_path: Path, begin: str, arguments: tuple[str, ...], algorithm: str
) -> None:
    octets = openssl(*arguments)
    assert octets.startswith(f"-----BEGIN {begin}-----".encode())
    assert pem.read(put(tmp_path / "x.pem", octets)).algorithm == algorithm


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("genpkey", "-algorithm", "ed25519", *ENCRYPTED), NO_KEY),
        (("genrsa", "-traditional", "-aes128", "-passout", f"pass:{PASSWORD}", "2048"), NO_KEY),
        ((*elliptic("P-256"), *ENCRYPTED), NO_KEY),
        (elliptic("P-384"), NO_KEY_FOR_US),
        (elliptic("secp256k1"), NO_KEY_FOR_US),
        (("genpkey", "-algorithm", "ed448"), NO_KEY_FOR_US),
        (("genpkey", "-algorithm", "x25519"), NO_KEY_FOR_US),
        ((*RSA, "rsa_keygen_bits:1024"), NO_KEY_FOR_US),
        ((*RSA, "rsa_keygen_bits:2047"), NO_KEY_FOR_US),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_key_that_nobody_should_sign_with_is_refused(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    assert refusal(put(tmp_path / "x.pem", openssl(*arguments))) == f"x.pem {why}"


@pytest.mark.parametrize("octets", [b"", b"\n", b"\xff\xfe" * 9, b"hunter2-hunter2", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, octets: bytes) -> None:
    path = put(tmp_path / "x.pem", octets)
    with pytest.raises(ValueError, match=f"^x.pem {NO_KEY}$"):
        pem.read(path)


def test_what_is_public_is_no_private_key(tmp_path: Path) -> None:
    private = put(tmp_path / "private.pem", pem.generate("ES256"))
    public = openssl("pkey", "-in", str(private), "-pubout")
    certificate = openssl("req", "-x509", "-key", str(private), "-subj", "/CN=x")
    for name, octets in (("public.pem", public), ("certificate.pem", certificate)):
        assert refusal(put(tmp_path / name, octets)) == f"{name} {NO_KEY}"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.pem").mkdir(mode=0o700)
    assert refusal(tmp_path / "folder.pem") == "folder.pem cannot be read: Is a directory"
    assert refusal(tmp_path / "missing.pem") == "missing.pem cannot be read: No such file or directory"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_ours_alone_is_taken(tmp_path: Path, mode: int) -> None:
    assert pem.read(put(tmp_path / "x.pem", pem.generate("EdDSA"), mode))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777])
def test_a_file_of_ours_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    told = refusal(put(tmp_path / "x.pem", pem.generate("EdDSA"), mode))
    assert told == "x.pem can be read by others, who may have the key by now. Run: chmod 600 on it"


@pytest.mark.parametrize(
    ("mode", "taken"), [(0o640, True), (0o440, True), (0o600, True), (0o660, False), (0o644, False), (0o444, False)]
)
def test_a_mounted_file_of_somebody_else_may_be_read_by_our_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, taken: bool
) -> None:
    path = put(tmp_path / "x.pem", pem.generate("EdDSA"), mode)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # as root gives files to a service
    if taken and owner == 0:
        assert pem.read(path).algorithm == "EdDSA"
    else:  # a stranger's file is never taken
        assert "can be read by others" in refusal(path)


@pytest.mark.parametrize(("mode", "taken"), [(0o640, True), (0o660, False), (0o644, False)])
def test_root_tends_what_it_has_lent_to_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, taken: bool
) -> None:
    path = put(tmp_path / "x.pem", pem.generate("EdDSA"), mode)
    real = path.stat()
    lent = os.stat_result([*real[:4], 0, 4711, *real[6:]])
    monkeypatch.setattr(os, "fstat", lambda _: lent)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if taken:
        assert pem.read(path)
    else:
        assert "can be read by others" in refusal(path)


def test_a_link_is_as_loose_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "x.pem").symlink_to(put(tmp_path / "there", pem.generate("EdDSA")))
    assert stat.S_IMODE(os.lstat(tmp_path / "x.pem").st_mode) == 0o777
    assert pem.read(tmp_path / "x.pem")
    (tmp_path / "there").chmod(0o644)
    assert "x.pem can be read by others" in refusal(tmp_path / "x.pem")


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_a_key_that_we_make_tells_only_its_public_part(algorithm: str) -> None:
    octets = pem.generate(algorithm)
    key = pem.parse(octets, "x")
    assert key.jwk
    assert set(key.jwk) == {"kty", "kid", "alg", "use", *PUBLIC[key.jwk["kty"]]}
    assert (key.jwk["alg"], key.jwk["use"], key.jwk["kid"]) == (key.algorithm, "sig", key.id)
    assert key.algorithm == algorithm
    assert [line for line in octets.decode().splitlines() if line in f"{key!r} {key}"] == []
    assert repr(key) == f"Key(id='{key.id}', algorithm='{algorithm}')"


def test_an_id_is_the_thumbprint_that_the_standards_have() -> None:
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"  # RFC 8037 appendix A
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    octets = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert pem.parse(octets, "x").id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_same_key_has_the_same_id_in_another_form(tmp_path: Path) -> None:
    sec1 = put(tmp_path / "a.pem", openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    pkcs8 = put(tmp_path / "b.pem", openssl("pkcs8", "-topk8", "-nocrypt", "-in", str(sec1)))
    assert sec1.read_bytes() != pkcs8.read_bytes()
    assert pem.read(sec1).id == pem.read(pkcs8).id
