"""Fetch a URL that a stranger may have chosen: bounded in time, size and hops, public hosts only.

The name is looked up once a hop, every address of the answer is checked, and the connection goes
to a checked address, so a name that resolves differently the second time (DNS rebinding) gains
nothing. Proxies from the environment are not used: behind one, nobody could check the address.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urljoin, urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

HEADERS = {
    "User-Agent": "sightsound",
    "Accept-Encoding": "identity",  # a compressed body could unpack to any size
    "Connection": "close",
}
REDIRECTS = (301, 302, 303, 307, 308)
CHUNK_BYTES = 64 * 1024
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
URL_SAFE = "/?%:;=&~+!$,'()*@[]"  # left as they are in a path; all else is percent-encoded


class UrlError(ValueError):
    """A URL that is refused or cannot be fetched."""


def fetch(
    url: str,
    *,
    timeout_s: float,
    max_bytes: int,
    max_redirects: int,
    address_rule: Callable[[IPAddress], str | None] | None = None,
) -> bytes:
    """Return the body of an http or https URL.

    Args:
        url: The address, with percent-encoding or without.
        timeout_s: Total, from the name look-up to the last byte.
        max_bytes: Of the body; an announced length is believed only where it refuses sooner.
        max_redirects: Hops after the first address.
        address_rule: Says why an address must not be connected to, or None if it may;
            `public_only` by default.

    Raises:
        UrlError: It is refused, unreachable, too slow, too large, or not answered with 200.
    """
    deadline = time.monotonic() + timeout_s
    here = url
    try:
        for _ in range(max_redirects + 1):
            response = _request(_parse(here), deadline, address_rule or public_only)
            with response:
                if response.status not in REDIRECTS:
                    return _body(response, max_bytes)
                if not (location := response.headers.get("Location")):
                    raise UrlError(f"answers {response.status} without saying where to go")
                here = urljoin(here, location)
        raise UrlError(f"may redirect at most {max_redirects} times; the next would be {here!r}")
    except UrlError as error:
        on_the_way = "" if here == url else f"redirects to {here!r}, which "
        raise UrlError(f"{on_the_way}{error}") from error
    except TimeoutError as error:
        raise UrlError(f"must answer within {timeout_s:g} s; it did not") from error
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise UrlError(f"cannot be fetched: {reason}") from error


def public_only(address: IPAddress) -> str | None:
    """Return why `address` is not on the public internet; None if it is.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) counts as well.
    """
    meant = _meant_address(address)
    for kind in ("loopback", "link_local", "multicast", "unspecified", "reserved", "private"):
        if getattr(meant, f"is_{kind}"):
            return f"{kind.replace('_', '-')} address"
    if not meant.is_global or getattr(meant, "is_site_local", False):
        return "address outside the public internet"
    return None


def anywhere(_address: IPAddress) -> None:
    """Allow every address."""


def _meant_address(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _Target(NamedTuple):
    scheme: str
    host: str
    port: int
    host_header: str
    path: str


def _parse(url: str) -> _Target:
    """Take a URL apart, or say what is wrong with it."""
    if any(c < " " or c == "\x7f" for c in url):  # urlsplit would drop them silently
        raise UrlError("must not hold control characters")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError as error:
        raise UrlError(f"is not a valid URL: {error}") from error
    if parts.scheme not in PORTS:
        raise UrlError(f"must be http or https; got {parts.scheme!r}")
    if not host:
        raise UrlError("names no host")
    if parts.username is not None or parts.password is not None:
        raise UrlError("must not hold a user name or password; fetch it yourself and pass bytes")
    default_port = PORTS[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    host_header = bracketed if port in (None, default_port) else f"{bracketed}:{port}"
    path = quote(parts.path or "/", safe=URL_SAFE.replace("?", ""))
    if parts.query:
        path += "?" + quote(parts.query, safe=URL_SAFE)
    return _Target(parts.scheme, host, default_port if port is None else port, host_header, path)


def _request(
    target: _Target, deadline: float, address_rule: Callable[[IPAddress], str | None]
) -> http.client.HTTPResponse:
    """Send a GET to a checked address and return the response, its body unread."""
    connected = _connect(target, deadline, address_rule)
    try:
        if target.scheme == "https":
            connected.settimeout(_remaining(deadline))
            connected = _tls().wrap_socket(connected, server_hostname=target.host)
        connection = http.client.HTTPConnection(target.host, target.port)
        # A socket in all that http.client uses of one; `connect` is never called.
        connection.sock = cast("socket.socket", _DeadlineSocket(connected, deadline))
        connection.request("GET", target.path, headers={**HEADERS, "Host": target.host_header})
        return connection.getresponse()
    except BaseException:
        connected.close()
        raise


def _connect(
    target: _Target, deadline: float, address_rule: Callable[[IPAddress], str | None]
) -> socket.socket:
    """Connect to the first of the host's addresses that answers, after checking all of them."""
    addresses = _look_up(target.host, target.port, deadline)
    for address in addresses:
        if reason := address_rule(ipaddress.ip_address(address)):
            raise UrlError(
                f"must lead to a public host; {target.host} has the {reason} {address}; "
                "if you trust it, pass Limits(allow_private_urls=True)"
            )
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, target.port), _remaining(deadline))
        except OSError:
            _remaining(deadline)  # raises when there is no time for another
    return socket.create_connection((addresses[-1], target.port), _remaining(deadline))


def _look_up(host: str, port: int, deadline: float) -> list[str]:
    """Return the host's addresses; in a thread, because a look-up knows no time limit."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="url-look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=_remaining(deadline))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise UrlError(f"names a host that cannot be found: {host}") from answer
    return [str(sockaddr[0]) for *_, sockaddr in answer]


def _body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Read the body of a plain 200 response within `max_bytes`."""
    if response.status != 200:
        raise UrlError(f"answers {response.status} {response.reason}".rstrip())
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UrlError(f"answers in the encoding {response.headers['Content-Encoding']!r}")
    announced = response.length
    too_large = f"may have at most {max_bytes:,} bytes; got {{}}; pass Limits(max_bytes=...)"
    if announced is not None and announced > max_bytes:
        raise UrlError(too_large.format(f"{announced:,}"))
    body = bytearray()
    while chunk := response.read(CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise UrlError(too_large.format("more"))
    if announced is not None and len(body) < announced:
        raise UrlError(f"closes the connection after {len(body):,} of {announced:,} bytes")
    return bytes(body)


class _DeadlineSocket:
    """What http.client needs of a socket, with one deadline for everything."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(_remaining(self._deadline))
        self._connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._connected, self._deadline))

    def close(self) -> None:
        """Leave the connection to the reader: http.client calls this before the body is read."""


class _DeadlineReader(io.RawIOBase):
    """The reading end; closing it closes the connection."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(_remaining(self._deadline))
        return self._connected.recv_into(buffer)

    def close(self) -> None:
        self._connected.close()
        super().close()


def _remaining(deadline: float) -> float:
    """Return the seconds left, or raise TimeoutError."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # reading the system's certificates takes some 20 ms
