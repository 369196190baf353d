"""The gateway's own certificate authority: a CA made at the first start, and a leaf that it signs.

The CA is trusted once by each phone. It may sign names of a local network only (name constraints,
RFC 5280), so that a stolen key is of no use for any site of the internet. The leaf is renewed at
two thirds of its life, and when names or addresses change. 825 days is the most that phones take
of a leaf; 90 leave a month for a gateway that was switched off.
"""

import logging
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from teleward_signal.errors import Unavailable

log = logging.getLogger(__name__)

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=90)
FLOOR = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock is right that is before this: a machine without a battery starts in 1970."""
BACKDATED = timedelta(days=1)
"""Phones may be behind by so much."""

LOCAL_DOMAINS = ("local", "lan", "internal", "home.arpa", "localhost")
LOCAL_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
    "100.64.0.0/10", "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip


class Authority:
    """The CA and the leaf in a folder; raises Unavailable when they cannot be read or written."""

    def __init__(self, folder: Path, gateway: str, own_names: Iterable[str]) -> None:
        self.folder, self._gateway = folder, gateway
        self.ca_path, self._ca_key_path = folder / "ca.crt", folder / "ca.key"
        self.leaf_path, self.leaf_key_path = folder / "leaf.crt", folder / "leaf.key"
        self.ca, self._ca_key = self._open(own_names)

    def _open(
        self, own_names: Iterable[str]
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.ca_path.exists() and not self._ca_key_path.exists():
                ca, key = make_ca(self._gateway, own_names, now())
                write_private(self._ca_key_path, key_pem(key))
                write_private(self.ca_path, ca.public_bytes(serialization.Encoding.PEM))
                log.info("made a certificate authority in %s", self.folder)
            ca = x509.load_pem_x509_certificate(self.ca_path.read_bytes())
            loaded = serialization.load_pem_private_key(self._ca_key_path.read_bytes(), None)
        except OSError as error:
            raise Unavailable(f"{error.filename}: {error.strerror}") from None
        except ValueError:
            raise Unavailable(self._remedy("is damaged")) from None
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise Unavailable(self._remedy("is of another kind"))
        if loaded.public_key() != ca.public_key():
            raise Unavailable(self._remedy("has the key of another one"))
        return ca, loaded

    def _remedy(self, problem: str) -> str:
        return (
            f"the certificate authority in {self.folder} {problem}; restore it, or remove the "
            "folder and restart: another one is made, and phones have to trust that one"
        )

    def renew(self, names: Iterable[str]) -> bool:
        """Sign a leaf for ``names`` when it is due; return whether it is another one now.

        Names that the CA may not sign are left out: see `refused`.
        """
        wanted = sorted(set(names) - set(self.refused(names)))
        at, leaf = now(), self.leaf()
        if leaf is not None and names_of(leaf) == set(wanted) and at < renewal(leaf):
            return False
        made, key = make_leaf(self.ca, self._ca_key, self._gateway, wanted, at)
        try:
            write_private(self.leaf_key_path, key_pem(key))
            write_private(self.leaf_path, made.public_bytes(serialization.Encoding.PEM))
        except OSError as error:
            raise Unavailable(f"{error.filename or self.folder}: {error.strerror}") from None
        log.info("made a certificate for %s until %s", ", ".join(wanted), made.not_valid_after_utc)
        return True

    def leaf(self) -> x509.Certificate | None:
        """Return the leaf, None where there is none that can be used."""
        try:
            leaf = x509.load_pem_x509_certificate(self.leaf_path.read_bytes())
            leaf.verify_directly_issued_by(self.ca)
            key = serialization.load_pem_private_key(self.leaf_key_path.read_bytes(), None)
        except Exception:  # whatever is wrong with it: another one is made
            return None
        return leaf if key.public_key() == leaf.public_key() else None

    def refused(self, names: Iterable[str]) -> list[str]:
        """Return the names that the CA was not made for."""
        limits = self.ca.extensions.get_extension_for_class(x509.NameConstraints).value
        return sorted(name for name in set(names) if not _permitted(name, limits))


def now() -> datetime:
    """Return the time, which is never before any clock could be right."""
    return max(datetime.now(UTC), FLOOR)


def renewal(leaf: x509.Certificate) -> datetime:
    """Return when a leaf is renewed: at two thirds of its life."""
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return begin + (end - begin) * 2 / 3


def names_of(leaf: x509.Certificate) -> set[str]:
    """Return the host names and addresses of a certificate."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    names = {str(name) for name in found.get_values_for_type(x509.DNSName)}
    return names | {str(address) for address in found.get_values_for_type(x509.IPAddress)}


def make_ca(
    gateway: str, own_names: Iterable[str], at: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return a CA that may sign names of a local network and ``own_names``."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Teleward"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Teleward {gateway}"[:64]),
        ]
    )
    constraints = x509.NameConstraints(_permissions(set(own_names)), None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def _permissions(own_names: set[str]) -> list[x509.GeneralName]:
    networks = [ip_network(each) for each in LOCAL_NETWORKS]
    own = {ip_network(name) for name in own_names if is_address(name)}
    beyond = sorted(str(each) for each in own if not any(_inside(each, n) for n in networks))
    hosts = sorted({*LOCAL_DOMAINS, *(name for name in own_names if not is_address(name))})
    return [
        *(x509.DNSName(host) for host in hosts),
        *(x509.IPAddress(network) for network in networks),
        *(x509.IPAddress(ip_network(each)) for each in beyond),
    ]


def _inside(own: object, network: object) -> bool:
    return type(own) is type(network) and own.subnet_of(network)  # type: ignore[attr-defined]


def make_leaf(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    gateway: str,
    names: Iterable[str],
    at: datetime,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return a certificate of a server for ``names``, signed by the CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(name)) if is_address(name) else x509.DNSName(name)
        for name in names
    ]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway[:64])]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(at - BACKDATED, ca.not_valid_before_utc))
        .not_valid_after(min(at + LEAF_LIFE, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer, critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256()), key


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as phones show it: pairs of digits."""
    return certificate.fingerprint(hashes.SHA256()).hex(" ").upper()


def write_private(path: Path, content: bytes) -> None:
    """Write a file for this user only, whole or not at all; raises OSError."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _permitted(name: str, limits: x509.NameConstraints) -> bool:
    permitted = limits.permitted_subtrees or []
    if is_address(name):
        own = ip_network(name)
        return any(
            _inside(own, each.value) for each in permitted if isinstance(each, x509.IPAddress)
        )
    domains = [each.value for each in permitted if isinstance(each, x509.DNSName)]
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
