"""TLS for every outgoing connection: server always verified, client certificate when configured."""

import ssl
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from teleward_signal.errors import Invalid


class TlsSettings(BaseModel):
    """Certificates of a connection; with none named, the system's authorities are trusted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    authority_file: Path | None = Field(
        None, description="PEM file of the certificate authority that signed the server"
    )
    certificate_file: Path | None = Field(
        None, description="PEM file of this gateway's own certificate (mutual TLS)"
    )
    key_file: Path | None = Field(None, description="PEM file of the key to certificate_file")

    @model_validator(mode="after")
    def _certificate_with_key(self) -> "TlsSettings":
        if (self.certificate_file is None) != (self.key_file is None):
            raise Invalid("certificate_file and key_file belong together: give both or neither")
        return self


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context that verifies the server; at least TLS 1.2.

    Raises ``ValueError`` that names the file when one is missing or not a PEM file.
    """
    for path in (settings.authority_file, settings.certificate_file, settings.key_file):
        if path is not None and not path.is_file():
            raise Invalid(f"{path}: no such file; give the path of a PEM file")
    try:
        context = ssl.create_default_context(cafile=settings.authority_file)
    except ssl.SSLError as error:
        raise Invalid(f"{settings.authority_file}: not a PEM certificate: {error}") from error
    except OSError as error:
        raise Invalid(f"{settings.authority_file}: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate_file is not None:
        try:
            context.load_cert_chain(settings.certificate_file, settings.key_file)
        except ssl.SSLError as error:
            raise Invalid(
                f"{settings.certificate_file} and {settings.key_file}: not a certificate and its "
                f"key: {error}"
            ) from error
        except OSError as error:
            raise Invalid(
                f"{settings.certificate_file} or {settings.key_file}: {error.strerror}; make them "
                "readable for the gateway's user"
            ) from error
    return context
