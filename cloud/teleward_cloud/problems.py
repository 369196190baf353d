"""Why a server cannot be reached, in one line a ward understands, and what to do (pure).

ssl.SSLCertVerificationError(10)  ->  "10.0.0.5:8883: its certificate has expired"
                                      "renew it, or set this computer's clock"
"""

import socket
import ssl
from dataclasses import dataclass

_CERTIFICATE_TROUBLES = {
    9: ("its certificate is not valid yet", "set this computer's clock"),
    10: ("its certificate has expired", "renew it on the server, or set this computer's clock"),
    18: ("its certificate is signed by itself", "set {section}.tls.authority_file to it"),
    62: ("its certificate is for another name", "use the name in the certificate: {address_key}"),
    64: (
        "its certificate is for another address",
        "use the name in the certificate: {address_key}",
    ),
}
"""By the verify codes of OpenSSL, x509_vfy.h."""
_UNKNOWN_SIGNER = (
    "its certificate is not signed by a known authority",
    "set {section}.tls.authority_file to the authority that signed it",
)
_ADDRESS_KEYS = {"mqtt": "mqtt.host and mqtt.port", "influx": "influx.url"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and what to do about it."""

    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


def connection_problem(section: str, address: str, error: BaseException) -> Problem:
    """Return why ``address``, set in ``section``, cannot be reached; aiohttp's errors too."""
    cause = _cause(error)
    keys = {"section": section, "address_key": _ADDRESS_KEYS.get(section, f"{section}.url")}
    what, remedy = _problem(cause)
    return Problem(f"{address}: {what}", remedy.format(**keys))


def closed_problem(address: str, reason: str, *, tls: bool) -> Problem:
    """Return why a broker that was reached closes the connection without an answer."""
    if tls:
        remedy = "it may want a client certificate, or another: mqtt.tls.certificate_file"
    else:
        remedy = "check that this is an MQTT port, and whether it wants [mqtt.tls]"
    return Problem(f"{address}: the broker closed the connection ({reason})", remedy)


def _cause(error: BaseException) -> BaseException:
    """Return what aiohttp wraps."""
    if "DNS" in type(error).__name__:
        return socket.gaierror(str(error))
    for name in ("certificate_error", "os_error"):
        inner = getattr(error, name, None)
        if isinstance(inner, BaseException):
            return _cause(inner)
    return error


def _problem(error: BaseException) -> tuple[str, str]:
    match error:
        case ssl.SSLCertVerificationError():
            return _CERTIFICATE_TROUBLES.get(error.verify_code, _UNKNOWN_SIGNER)
        case ssl.SSLError() if "WRONG_VERSION_NUMBER" in str(error):
            return "does not use TLS", "correct the port, or remove [{section}.tls]"
        case ssl.SSLError():
            reason = error.reason or str(error)
            return f"TLS fails: {reason}", "see [{section}.tls] and the server's log"
        case ConnectionRefusedError():
            return "connection refused", "check that the server runs, or correct {address_key}"
        case ConnectionResetError() | BrokenPipeError():
            return "closes the connection", "check whether [{section}.tls] fits this server"
        case socket.gaierror():
            return "no such name", "correct {address_key}, or check this network's DNS"
        case TimeoutError():
            return "no answer", "check network and firewall, or correct {address_key}"
        case OSError() if error.strerror and error.errno:
            return error.strerror.lower(), "check the network, or correct {address_key}"
    return str(error) or type(
        error
    ).__name__, "check that the server runs, or correct {address_key}"
