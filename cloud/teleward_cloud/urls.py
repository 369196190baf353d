"""Web addresses of the settings."""

from urllib.parse import urlsplit


def check_url(url: str) -> str:
    """Return ``url`` when it is a web address with a host; raises ValueError."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r}: must start with http:// or https://")
    try:
        parts = urlsplit(url)
        has_host, port = bool(parts.hostname), parts.port
    except ValueError:
        raise ValueError(f"{url!r}: a port's number is 1 to 65535") from None
    if not has_host or any(letter.isspace() for letter in url):
        raise ValueError(f"{url!r}: no host is named")
    if port == 0:
        raise ValueError(f"{url!r}: a port's number is 1 to 65535")
    return url
