"""Certificates for tests: authorities, their successors, and files in other forms than PEM."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import NameOID

_LIFETIME = timedelta(days=365)


class Authority:
    """An authority that issues certificates."""

    def __init__(
        self, parent: "Authority | None" = None, *, like: "Authority | None" = None, not_after: datetime | None = None
    ) -> None:
        """`like` is an authority with the same name and key. Without a parent, it signs itself."""
        self.key: ec.EllipticCurvePrivateKey = like.key if like else ec.generate_private_key(ec.SECP256R1())
        self.common_name: str = like.common_name if like else f"authority {x509.random_serial_number()}"
        self.name = _name(self.common_name)
        issuer = parent or self
        built = _builder(self.name, issuer.name, self.key.public_key(), not_after)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = built.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def child(self) -> "Authority":
        """Return an intermediate authority."""
        return Authority(self)

    def renewed(self, *, not_after: datetime) -> "Authority":
        """Return the same authority with another certificate."""
        return Authority(like=self, not_after=not_after)

    def issue(self, *hosts: str, not_after: datetime | None = None, common_name: str = "x") -> tuple[bytes, bytes]:
        """Return a certificate for the hosts as subject alternative names, and its key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        built = _builder(_name(common_name), self.name, key.public_key(), not_after)
        if hosts:
            built = built.add_extension(x509.SubjectAlternativeName(map(x509.DNSName, hosts)), critical=False)
        certificate = built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)
        return certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted(key: bytes, passphrase: bytes) -> bytes:
    """Return a private key in PEM, encrypted."""
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))


def other_forms(certificate: bytes, key: bytes) -> dict[str, bytes]:
    """Return a certificate, with its key if the form has one, in DER, PKCS#12 and PKCS#7."""
    loaded, private = x509.load_pem_x509_certificate(certificate), load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return {
        "der": loaded.public_bytes(Encoding.DER),
        "pkcs12": pkcs12.serialize_key_and_certificates(b"x", private, loaded, None, NoEncryption()),
        "pkcs7": pkcs7.serialize_certificates([loaded], Encoding.PEM),
    }


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, not_after: datetime | None
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = not_after or now + _LIFETIME
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), min(now, end) - _LIFETIME, end)
