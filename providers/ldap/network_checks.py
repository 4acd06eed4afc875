"""Whether a server can be reached: its name, its port, and its certificate."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from providers.interface import Check, ProviderUnavailable
from providers.ldap.client.connection import Connection
from providers.ldap.settings import LdapSettings, ServerAddress

SOON = 30  # days before its end at which a certificate is told of

Finding = tuple[str, str | None]
"""What a step found, and what is to be done about it; `None` if all is well."""

_OF_TLS = {
    "mismatch": "Write a name in LDAP_URL that the certificate is for, or have one made for this name",
    "expired": "Have the server's certificate renewed",
    "not yet valid": "Set the clock of the server, or of this machine",
    "StartTLS": "Give the server a certificate, or write ldaps:// in LDAP_URL if it listens there",
    "certificate": "Write the path of a file with the certificates that signed the server's in LDAP_CA_FILE",
}


def step(name: str, find: Callable[[], Finding], remedy: str, better: Mapping[str, str] | None = None) -> Check:
    """Return what a step finds, with the time that it takes.

    That it fails is a finding too, with the remedy; or with the first better one whose sign is in what was told.
    """
    start = monotonic()
    try:
        found, advice = find()
    except (OSError, ProviderUnavailable) as error:
        told = str(getattr(error, "strerror", None) or error).removeprefix("ldap: ")
        advice = next((advice for sign, advice in (better or {}).items() if sign in told), remedy)
        return Check(name, "failure", told, advice, monotonic() - start)
    return Check(name, "warning" if advice else "ok", found, advice, monotonic() - start)


def reach(address: ServerAddress, settings: LdapSettings) -> Iterator[Check]:
    """Yield how far one gets with this server; if the last step is no failure it can be spoken to."""
    seconds = settings.timeout_seconds

    def named() -> Finding:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        return ", ".join(dict.fromkeys(str(place[0]) for *_, place in found)), None

    def connected() -> Finding:
        with socket.create_connection((address.host, address.port), seconds) as link:
            return f"connected to {link.getpeername()[0]}, port {address.port}", None

    def secured() -> Finding:
        connection = Connection(address, settings.tls(), monotonic() + seconds)
        try:
            return _judged(connection.certificate())
        finally:
            connection.close()

    yield (resolved := step(f"{address}: name", named, "Correct the name in LDAP_URL, or the name server's entry"))
    if resolved.outcome == "failure":
        return
    where = "Is the directory running, is the port in LDAP_URL right, and does a firewall let it through?"
    yield (reached := step(f"{address}: TCP", connected, where))
    if reached.outcome == "failure":
        return
    if address.plaintext:
        yield Check(f"{address}: TLS", "warning", "none: passwords cross the network in clear", _DO_ENCRYPT)
        return
    yield step(f"{address}: TLS", secured, where, _OF_TLS)


_DO_ENCRYPT = "Leave LDAP_INSECURE_PLAINTEXT out"


def authorities(settings: LdapSettings) -> Iterator[Check]:
    """Yield what is wrong with the certificates of LDAP_CA_FILE."""
    for certificate in settings.tls().get_ca_certs() if settings.ca_file else []:
        left = _days_left(certificate)
        if left < SOON:
            found = f"a certificate in LDAP_CA_FILE ends in {left} days" if left >= 0 else "a certificate has ended"
            yield Check("LDAP_CA_FILE", "warning", found, "Add the one that follows it to LDAP_CA_FILE")


def _judged(certificate: dict[str, Any]) -> Finding:
    names = ", ".join(str(value) for _, value in certificate.get("subjectAltName", ()))
    issuer = {name: value for ((name, value), *_) in certificate.get("issuer", ())}
    signed = issuer.get("commonName") or issuer.get("organizationName")
    left = _days_left(certificate)
    advice = "Have the server's certificate renewed before it ends" if left < SOON else None
    return f"certificate for {names}, signed by {signed}, good for {left} days", advice


def _days_left(certificate: dict[str, Any]) -> int:
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return (ends - datetime.now(UTC)).days
