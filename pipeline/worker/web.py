"""HTTP as the worker speaks it to an archive: one request, verified TLS, no redirects, no proxies, no secret in a log.

The standard library's client is enough for that and sends a body piece by piece; what bigger clients add (following
redirects, cookies, proxies from the environment) is what must not happen to a study or a password.
"""

import base64
import http.client
import ipaddress
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import ConfigurationError
from pipeline.knowledge.settings import WorkerSettings

Body = bytes | Iterable[bytes]


class WebError(Exception):
    """No answer came; one line without secrets. `final` is True when trying again is no use."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """A server: its address, who asks, and which authority vouches for it (PEM file; None is the system's)."""

    url: str
    timeout_s: float
    user: str | None = None
    secret: str | None = field(default=None, repr=False)
    authority: str | None = None

    def ask(self, method: str, path: str, body: Body | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to one request, whatever its status. WebError when there is none."""
        connection = self._connection()
        everything = {**(headers or {}), **self._credentials()}
        try:
            try:
                connection.request(method, urlsplit(self.url).path.rstrip("/") + path, body=body, headers=everything)
            except (BrokenPipeError, ConnectionResetError):
                # a server that refuses may answer before it has read the body; one never reached has no answer
                if connection.sock is None:
                    raise
            response = connection.getresponse()
            return Answer(response.status, response.headers.get_content_type(), response.read())
        except ssl.SSLCertVerificationError as error:
            raise WebError(
                f"{self.url}: its certificate is not trusted ({error.verify_message}): name its authority", final=True
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise WebError(f"{self.url} did not answer ({type(error).__name__}): is it up?") from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme != "https":
            return http.client.HTTPConnection(host, parts.port, timeout=self.timeout_s)
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except OSError as error:
            raise WebError(f"{self.authority}: no readable PEM file of an authority", final=True) from error
        return http.client.HTTPSConnection(host, parts.port, timeout=self.timeout_s, context=context)

    def _credentials(self) -> dict[str, str]:
        if self.secret is None:
            return {}
        if self.user is None:
            return {"Authorization": f"Bearer {self.secret}"}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()}


def site(settings: WorkerSettings, name: str) -> Site | None:
    """The server that the settings NAME_url, NAME_user, NAME_secret and NAME_authority describe; None without a URL.

    ConfigurationError where the URL is none, the secret cannot be read, or would cross a network in clear text.
    """
    parts = ("url", "user", "secret", "authority")
    url, user, secret, authority = (getattr(settings, f"{name}_{part}") for part in parts)
    if url is None:
        return None
    try:
        where = urlsplit(url)
        whole = where.scheme in ("http", "https") and where.hostname and where.port != 0
    except ValueError:
        whole = False
    if not whole or "@" in where.netloc or where.query:
        raise ConfigurationError(f"worker.{name}_url: give http(s)://HOST:PORT/PATH, credentials in {name}_secret")
    if secret is not None and where.scheme == "http" and not _is_loopback(where.hostname):
        raise ConfigurationError(f"worker.{name}_url: a secret needs https, or an address of this machine")
    return Site(url.rstrip("/"), settings.stall_s, user, _secret(secret, f"worker.{name}_secret"), authority)


def _secret(where: str | None, key: str) -> str | None:
    """The secret that file:PATH or env:NAME holds."""
    if where is None:
        return None
    kind, _, place = where.partition(":")
    try:
        match kind:
            case "file":
                found = Path(place).read_text(encoding="utf-8")
            case "env":
                found = os.environ[place]
            case _:
                found = ""
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{key}: {kind}:{place} cannot be read ({type(error).__name__})") from error
    if not found.strip() or not found.strip().isprintable():
        raise ConfigurationError(f"{key}: give file:PATH or env:NAME of one line with the secret")
    return found.strip()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
