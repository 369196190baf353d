"""The certificate of HTTPS: the clinic's own, or one of the gateway's CA; loaded as it changes.

A mistake in either is one sentence with the file and the remedy; loopback is served in any case.
"""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from teleward_cloud.secret import OPEN_TO_ALL
from teleward_gateway.access.authority import Authority
from teleward_signal.errors import Unavailable


def server_context() -> ssl.SSLContext:
    """Return a TLS context of a server, without a certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Certificate(Protocol):
    """Where the certificate of HTTPS comes from."""

    ca: x509.Certificate | None
    """What phones have to trust; None for a certificate that they trust already."""
    leaf: x509.Certificate | None

    def refresh(self, context: ssl.SSLContext) -> None:
        """Load into ``context`` what changed, blocking; raises Unavailable with the reason."""
        ...

    def missing(self) -> list[str]:
        """Return the names of this gateway that the certificate is not for."""
        ...


class OwnCertificate:
    """The certificate that the settings name."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self._loaded: tuple[float, float] | None = None
        self.ca: x509.Certificate | None = None
        self.leaf: x509.Certificate | None = None

    def refresh(self, context: ssl.SSLContext) -> None:
        """Load the files when they changed; raises Unavailable with the reason."""
        chain, _ = _read(self._certificate)
        key, mode = _read(self._key)
        times = (self._certificate.stat().st_mtime, self._key.stat().st_mtime)
        if times == self._loaded:
            return
        if mode & OPEN_TO_ALL:
            raise Unavailable(
                f"{self._key} is open to every user of this machine: chmod o= {self._key}"
            )
        try:
            leaf = x509.load_pem_x509_certificate(chain)
        except ValueError:
            raise Unavailable(f"{self._certificate} is no certificate in PEM") from None
        try:
            secret = serialization.load_pem_private_key(key, None)
        except TypeError:
            raise Unavailable(f"{self._key} has a password: remove it from the key") from None
        except ValueError:
            raise Unavailable(f"{self._key} is no key in PEM") from None
        if secret.public_key() != leaf.public_key():
            raise Unavailable(f"{self._key} is not the key of {self._certificate}")
        try:
            context.load_cert_chain(self._certificate, self._key)
        except (ssl.SSLError, OSError) as error:
            raise Unavailable(f"{self._certificate} cannot be used: {error}") from None
        self._loaded, self.leaf = times, leaf

    def missing(self) -> list[str]:
        """Return nothing: the clinic knows for which names it has a certificate."""
        return []


class MadeCertificate:
    """A certificate for the names of now, signed by the gateway's CA in ``folder``."""

    def __init__(self, folder: Path, gateway: str, names: Callable[[], frozenset[str]]) -> None:
        self._folder, self._gateway, self._names = folder, gateway, names
        self._authority: Authority | None = None
        self.ca: x509.Certificate | None = None
        self.leaf: x509.Certificate | None = None

    def refresh(self, context: ssl.SSLContext) -> None:
        """Make CA and certificate where they lack or are due; raises Unavailable."""
        names = self._names()
        if self._authority is None:
            self._authority = Authority(self._folder, self._gateway, names)
            self.ca = self._authority.ca
        changed = self._authority.renew(names)
        if changed or self.leaf is None:
            context.load_cert_chain(self._authority.leaf_path, self._authority.leaf_key_path)
            self.leaf = self._authority.leaf()

    def missing(self) -> list[str]:
        """Return the names that the CA was not made for."""
        return [] if self._authority is None else self._authority.refused(self._names())


def _read(path: Path) -> tuple[bytes, int]:
    """Return the content and the mode of a file; raises Unavailable."""
    try:
        with path.open("rb") as file:
            return file.read(), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from None
