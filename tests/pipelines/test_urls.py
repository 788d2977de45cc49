"""Fetching, from a real server on loopback; "public" is played by 127.0.0.1."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import urls
from pipelines.images import ImageError, Limits, read_image, read_images
from pipelines.urls import UrlError, anywhere, fetch, public_only
from tests.pipelines.encoded_images import encode
from tests.pipelines.hostile_images import photograph

BODY = encode(photograph(), "PNG")
CERTIFICATE = Path(__file__).with_name("localhost.pem")


class Handler(BaseHTTPRequestHandler):
    """Answers each path in its own bad or good manner."""

    stop = threading.Event()  # ends the slow answers with the server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        with contextlib.suppress(OSError):  # the client has hung up
            getattr(self, path.strip("/").replace("-", "_").split("/")[0], self.missing)(query)

    def answer(self, status: int, body: bytes = b"", **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def good(self, _query: str) -> None:
        self.answer(200, BODY, Content_Length=len(BODY))

    def missing(self, _query: str) -> None:
        self.answer(404, b"<html>", Content_Length=6)

    def no_length(self, _query: str) -> None:
        self.answer(200, BODY)

    def chunked(self, _query: str) -> None:
        self.protocol_version = "HTTP/1.1"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
        self.answer(200, body, Transfer_Encoding="chunked")

    def redirect(self, query: str) -> None:
        self.answer(302, Location=query)

    def loop(self, _query: str) -> None:
        self.answer(301, Location="/loop")

    def lost(self, _query: str) -> None:
        self.answer(307)

    def promises_more(self, _query: str) -> None:
        self.answer(200, BODY, Content_Length=len(BODY) + 1000)

    def promises_less(self, _query: str) -> None:
        self.answer(200, BODY, Content_Length=len(BODY) // 2)

    def promises_much(self, _query: str) -> None:
        self.answer(200, b"", Content_Length=10**15)

    def endless(self, _query: str) -> None:
        self.answer(200)
        while not self.stop.is_set():
            self.wfile.write(bytes(2**16))

    def slow_body(self, _query: str) -> None:
        self.answer(200, Content_Length=10**6)
        while not self.stop.wait(0.05):
            self.wfile.write(b"x")

    def slow_head(self, _query: str) -> None:
        while not self.stop.wait(0.05):
            self.wfile.write(b"H")

    def silent(self, _query: str) -> None:
        self.stop.wait(60)

    def compressed(self, _query: str) -> None:
        self.answer(200, b"\x1f\x8b", Content_Encoding="gzip")

    def escapes(self, _query: str) -> None:
        self.wfile.write(b"HTTP/1.0 404 \x1b[2J\x07\r\n\r\n")

    def no_http(self, _query: str) -> None:
        self.wfile.write(b"220 mail.example.com ESMTP\r\n")

    def tells(self, _query: str) -> None:
        body = f"{self.path}\n{self.headers}".encode()
        self.answer(200, body, Content_Length=len(body))

    def log_message(self, *_args: Any) -> None:
        """Print nothing."""


def _serve(server: ThreadingHTTPServer) -> Iterator[int]:
    Handler.stop.clear()
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.server_port
    Handler.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    yield from _serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler))


@pytest.fixture(scope="module")
def tls_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from _serve(server)


@pytest.fixture
def get(port: int) -> Callable[..., bytes]:
    def get(path: str, host: str = "127.0.0.1", **changes: Any) -> bytes:
        limits = {"timeout_s": 20.0, "max_bytes": 10**6, "max_redirects": 3}
        return fetch(
            f"http://{host}:{port}/{path}",
            **{**limits, "address_rule": only_127_0_0_1, **changes},
        )

    return get


def only_127_0_0_1(address: urls.IPAddress) -> str | None:
    """The rule itself, but for the one address that plays a public host."""
    return None if str(address) == "127.0.0.1" else public_only(address)


@pytest.mark.parametrize("path", ["good", "no-length", "chunked", "redirect?/good"])
def test_a_body_arrives_whole(path: str, get: Callable[..., bytes]) -> None:
    assert get(path) == BODY


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("none.jpg", "answers 404 Not Found"),
        ("loop", "may redirect at most 3 times"),
        ("lost", "answers 307 without saying where to go"),
        ("promises-more", f"closes the connection after {len(BODY):,} of {len(BODY) + 1000:,}"),
        ("promises-much", "may have at most 1,000,000 bytes; got 1,000,000,000,000,000"),
        ("endless", "may have at most 1,000,000 bytes; got more"),
        ("compressed", "answers in the encoding 'gzip'"),
        ("no-http", "cannot be fetched: 220 mail.example.com"),
        ("redirect?file:///etc/passwd", "redirects to 'file:///etc/passwd', which must be http or"),
        ("redirect?http://127.0.0.2/", "has the loopback address 127.0.0.2"),
        ("redirect?http://169.254.169.254/latest", "has the link-local address 169.254.169.254"),
        ("redirect?http://[::1]/", "has the loopback address ::1"),
        ("redirect?//10.1.2.3/", "has the private address 10.1.2.3"),
        ("redirect?/redirect?http://192.168.1.1/", "has the private address 192.168.1.1"),
        ("redirect?http://a:b@127.0.0.1/", "must not hold a user name or password"),
    ],
)
def test_a_bad_answer_is_refused(path: str, says: str, get: Callable[..., bytes]) -> None:
    with pytest.raises(UrlError) as caught:
        get(path)
    assert says in str(caught.value)


def test_a_body_cut_by_its_own_header_is_refused_as_a_picture(port: int) -> None:
    with pytest.raises(ImageError, match="promises-less: is cut short"):
        read_image(f"http://127.0.0.1:{port}/promises-less", limits=Limits(allow_private_urls=True))


@pytest.mark.parametrize("path", ["slow-body", "slow-head", "silent"])
def test_the_time_limit_is_total(path: str, get: Callable[..., bytes]) -> None:
    start = time.monotonic()
    with pytest.raises(UrlError, match=r"must answer within 0\.3 s"):
        get(path, timeout_s=0.3)
    assert time.monotonic() - start < 10  # generous: a busy machine, but no 0.05 s drip for ever


def test_the_time_limit_covers_the_look_up(
    get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kw: answered.wait(60))
    with pytest.raises(UrlError, match=r"must answer within 0\.2 s"):
        get("good", host="slow.example", timeout_s=0.2)
    answered.set()


@pytest.mark.parametrize("hops", [0, 1, 3])
def test_redirects_are_counted(hops: int, get: Callable[..., bytes]) -> None:
    path = "redirect?/" * hops + "good"
    assert get(path, max_redirects=hops) == BODY
    if hops:
        with pytest.raises(UrlError, match=f"at most {hops - 1} times"):
            get(path, max_redirects=hops - 1)


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _rebinding(monkeypatch, [["127.0.0.1"], ["127.0.0.2"]])
    assert get("good", host="rebind.example") == BODY
    assert asked == ["rebind.example"]


def test_a_redirect_to_the_same_name_is_looked_up_and_checked_again(
    get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _rebinding(monkeypatch, [["127.0.0.1"], ["10.0.0.1"]])
    with pytest.raises(UrlError, match=r"rebind\.example has the private address 10\.0\.0\.1"):
        get("redirect?/good", host="rebind.example")
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [["127.0.0.1", "192.168.0.1"], ["::1", "127.0.0.1"]])
def test_one_private_address_among_several_is_enough(
    answer: list[str], get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    _rebinding(monkeypatch, [answer])
    with pytest.raises(UrlError, match="must lead to a public host"):
        get("good", host="mixed.example")


def _rebinding(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Let names resolve to one answer after another; return the names that were asked for."""
    real, asked = socket.getaddrinfo, []

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, *args, **options)
        asked.append(host)
        addresses = answers[len(asked) - 1]
        return [found for a in addresses for found in real(a, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_the_next_address_is_tried_when_one_does_not_answer(
    get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    _rebinding(monkeypatch, [["127.0.0.3", "127.0.0.1"]])
    assert get("good", host="two.example", address_rule=anywhere) == BODY


def test_what_is_sent(get: Callable[..., bytes], port: int) -> None:
    sent = get("tells/a b/ü%20?q=1 2&r=%2F#part").decode()
    assert sent.startswith("/tells/a%20b/%C3%BC%20?q=1%202&r=%2F\n")
    assert f"Host: 127.0.0.1:{port}\n" in sent
    assert "Accept-Encoding: identity" in sent


def test_proxies_of_the_environment_are_not_used(
    get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    assert get("good") == BODY


def test_a_host_that_does_not_exist(get: Callable[..., bytes]) -> None:
    with pytest.raises(UrlError, match=r"names a host that cannot be found: nowhere\.invalid"):
        get("good", host="nowhere.invalid")


def test_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free_port = server.getsockname()[1]
    with pytest.raises(UrlError, match=r"cannot be fetched: .*[Rr]efused"):
        fetch(
            f"http://127.0.0.1:{free_port}/",
            timeout_s=5,
            max_bytes=9,
            max_redirects=0,
            address_rule=anywhere,
        )


@pytest.mark.parametrize(
    "address",
    [
        "127.8.9.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:100.64.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert public_only(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"],
)
def test_addresses_that_are_public(address: str) -> None:
    assert public_only(ipaddress.ip_address(address)) is None


# --- TLS -----------------------------------------------------------------------------------------


def _fetch_tls(url: str) -> bytes:
    return fetch(url, timeout_s=20, max_bytes=10**6, max_redirects=0, address_rule=anywhere)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    urls._tls.cache_clear()
    yield
    urls._tls.cache_clear()


@pytest.mark.usefixtures("trusted")
def test_https_with_a_trusted_certificate(tls_port: int) -> None:
    assert _fetch_tls(f"https://localhost:{tls_port}/good") == BODY


@pytest.mark.usefixtures("trusted")
def test_the_certificate_must_be_for_the_name_not_the_address(tls_port: int) -> None:
    with pytest.raises(UrlError, match=r"cannot be fetched: .*certificate"):
        _fetch_tls(f"https://127.0.0.1:{tls_port}/good")


def test_an_untrusted_certificate_is_refused(tls_port: int) -> None:
    urls._tls.cache_clear()
    with pytest.raises(UrlError, match=r"cannot be fetched: .*self-signed certificate"):
        _fetch_tls(f"https://localhost:{tls_port}/good")


# --- As pictures ---------------------------------------------------------------------------------


def test_urls_are_read_as_pictures_where_allowed(port: int) -> None:
    url = f"http://127.0.0.1:{port}/good"
    allowed = Limits(allow_private_urls=True)
    picture = read_image(url, limits=allowed)
    np.testing.assert_array_equal(picture.pixels, photograph())
    assert picture.source == url
    with pytest.raises(
        ImageError, match=r"loopback address .* pass Limits\(allow_private_urls=True\)"
    ):
        read_image(url)
    outcomes = list(read_images([url, f"http://127.0.0.1:{port}/none"], limits=allowed))
    assert [type(outcome).__name__ for _, outcome in outcomes] == ["Picture", "ImageError"]


def test_the_limits_reach_the_fetch(port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    for path, limits, says in (
        ("good", {"max_bytes": 99}, f"at most 99 bytes; got {len(BODY):,}"),
        ("loop", {"url_max_redirects": 1}, "at most 1 times"),
        ("silent", {"url_timeout_s": 0.2}, "within 0.2 s"),
    ):
        with pytest.raises(ImageError, match=says):
            read_image(url + path, limits=Limits(allow_private_urls=True, **limits))


def test_a_servers_words_are_escaped(port: int) -> None:
    url = f"http://127.0.0.1:{port}/escapes"
    with pytest.raises(ImageError) as caught:
        read_image(url, limits=Limits(allow_private_urls=True))
    assert str(caught.value) == rf"{url}: answers 404 \x1b[2J\x07"
