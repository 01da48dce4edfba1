"""Bytes on the wire, against the real server: what no honest client sends is refused, and holds nobody up.

What the web server refuses before the application sees it may be refused in its own words. Never is there a 5xx (but
for 501, the status that RFC 9112 prescribes for an unknown transfer coding), a hang, or a request that was smuggled in.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.http.stage import Server, furnish, serving, site_at

PATIENCE = {"HEADER_SECONDS": 1, "GRACE_SECONDS": 1.0}
SOON = 6.0
"""Nobody whose patience is a second holds anything longer than this, on a slow machine."""
BODY = b'{"text": "thanks"}'
PARSE = b"/v1/bots/acme/parse"
UPLOAD = b"/v1/bots/acme/uploads?rights_attested=true"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def keys(home: Path) -> dict[str, str]:
    return furnish(home)


@pytest.fixture(scope="module")
def server(home: Path, keys: dict[str, str]) -> Iterator[Server]:
    with serving(home, PATIENCE) as running:
        yield running


@pytest.fixture
def bearer(keys: dict[str, str]) -> bytes:
    return f"Authorization: Bearer {keys['all']}\r\n".encode()


@pytest.fixture(autouse=True)
def still_answers(server: Server, home: Path) -> Iterator[None]:
    """After every test the server answers at once, is the same process, and has logged no failure of its own."""
    yield
    started = time.monotonic()
    assert status(exchange(server, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == 200
    assert time.monotonic() - started < 2
    assert server.process.poll() is None
    lines = [json.loads(line) for line in (home / "server.log").read_text().splitlines()]
    assert not [line for line in lines if line["level"] in ("error", "critical")]
    busy = ("/readyz", "/v1/jobs/<job>/events")  # not ready yet; every place taken
    assert not [line for line in lines if line.get("status", 0) >= 500 and line.get("route") not in busy]


def exchange(server: Server, sent: bytes, *, hang_up: bool = False) -> bytes:
    """Send these bytes; what came back until the server closed."""
    with server.connect() as connection:
        try:
            connection.sendall(sent)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
        except OSError:  # refused before all was sent: the answer is there to be read
            pass
        return to_the_end(connection)


def to_the_end(connection: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := connection.recv(65_536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def statuses(received: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def status(received: bytes) -> int | None:
    """The one final status; None for a connection that was closed without a word."""
    found = [one for one in statuses(received) if one >= 200]
    assert len(found) <= 1, received
    return found[0] if found else None


def error_in(received: bytes) -> dict[str, Any]:
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json; charset=utf-8" in head
    error: dict[str, Any] = json.loads(body)["error"]
    return error


def post(bearer: bytes, headers: bytes, body: bytes = BODY, path: bytes = PARSE) -> bytes:
    start = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return start + bearer + headers + b"\r\n" + body


def get(path: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n"


SMUGGLED = b"GET /v1/admin/audit HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTHS = (
    b"Content-Length: 18\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    b"Content-Length: 18\r\nContent-Length: 18\r\n",
    b"Content-Length: 18\r\nContent-Length: 4\r\n",
    b"Content-Length: 18, 18\r\n",
    b"Content-Length: +18\r\n",
    b"Content-Length: -18\r\n",
    b"Content-Length: 0x12\r\n",
    b"Content-Length: 1_8\r\n",
    b"Content-Length: 18.0\r\n",
    b"Content-Length: 1 8\r\n",
    b"Content-Length:\r\n",
    b"Content-Length: \xd9\xa1\r\n",
    b"Content-Length : 18\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: " + b"9" * 5_000 + b"\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n",
    b"Transfer-Encoding:\tchunked\r\nContent-Length: 18\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b" Transfer-Encoding: chunked\r\n",
    b"X: y\r\n Transfer-Encoding: chunked\r\n",
)


@pytest.mark.parametrize("headers", LENGTHS, ids=[repr(one)[2:50] for one in LENGTHS])
def test_a_length_that_two_readers_read_differently_is_refused(server: Server, bearer: bytes, headers: bytes) -> None:
    body = b"12\r\n" + BODY + b"\r\n0\r\n\r\n" if b"chunked" in headers else BODY
    received = exchange(server, post(bearer, headers, body + SMUGGLED))
    assert status(received) in (400, 413, 501)
    if status(received) == 501:
        assert b"xchunked" in headers or b"identity" in headers


CHUNKS = (
    b"zz\r\nx\r\n0\r\n\r\n",
    b"-1\r\nx\r\n0\r\n\r\n",
    b"0x1\r\nx\r\n0\r\n\r\n",
    b" 1\r\nx\r\n0\r\n\r\n",
    b"\r\nx\r\n0\r\n\r\n",
    b"1\nx\n0\n\n",
    b"1\r\nxy\r\n0\r\n\r\n",
    b"1;\x00\r\nx\r\n0\r\n\r\n",
    b"1;" + b"a" * 100_000 + b"\r\nx\r\n0\r\n\r\n",
    b"ffffffffffffffffff\r\nx",
    b"f" * 10_000 + b"\r\nx",
    b"1\r\nx\r\n0\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    b"1\r\nx\r\n",
    b"1\r\nx",
    b"5\r\nx",
    b"0\r\n",
    b"",
)


@pytest.mark.parametrize("path", [PARSE, UPLOAD])
@pytest.mark.parametrize("chunks", CHUNKS, ids=[repr(one)[2:30] for one in CHUNKS])
def test_chunks_that_are_none_are_400(server: Server, bearer: bytes, path: bytes, chunks: bytes) -> None:
    received = exchange(server, post(bearer, b"Transfer-Encoding: chunked\r\n", chunks, path), hang_up=True)
    assert error_in(received)["code"] == "malformed"
    assert status(received) == 400


@pytest.mark.parametrize(
    "headers", [b"Content-Length: 18\r\n", b"content-length:18\r\n", b"Transfer-Encoding: Chunked\r\n"]
)
def test_honest_lengths_are_taken(server: Server, bearer: bytes, headers: bytes) -> None:
    body = b"12\r\n" + BODY + b"\r\n0\r\n\r\n" if b"hunked" in headers else BODY
    assert status(exchange(server, post(bearer, headers, body))) == 200


HEADS = {
    "a header of 64 kB": (b"X: " + b"a" * 65_536 + b"\r\n", (431, 400)),
    "a head of 10 MB": (b"".join(b"X-%d: %s\r\n" % (number, b"a" * 8_000) for number in range(1_250)), (431, 400)),
    "1,000 headers": (b"".join(b"X-%d: a\r\n" % number for number in range(1_000)), (431, 400)),
    "CR in a value": (b"X: a\rb\r\n", (400,)),
    "LF in a value": (b"X: a\nAuthorization: b\r\n", (400,)),
    "NUL in a value": (b"X: a\x00b\r\n", (400,)),
    "a fold": (b"X: a\r\n b\r\n", (400,)),
    "no colon": (b"nothing\r\n", (400,)),
    "no name": (b": a\r\n", (400,)),
    "a blank in a name": (b"X Y: a\r\n", (400,)),
    "a name of another script": ("\u0425: a\r\n".encode(), (400,)),
    "a name that is none": (b"X(): a\r\n", (400,)),
    "two hosts": (b"Host: y\r\n", (400,)),
    "an expectation": (b"Expect: 200-maybe\r\n", (417,)),
}


@pytest.mark.parametrize("kind", HEADS)
def test_heads_that_are_none(server: Server, bearer: bytes, kind: str) -> None:
    headers, expected = HEADS[kind]
    received = exchange(server, get(b"/v1/bots", bearer + headers))
    assert status(received) in expected
    assert b'"data"' not in received


LINES = {
    b"GET /livez": (400,),
    b"GET /livez HTTP/0.9": (400,),
    b"GET /livez HTTP/3.0": (400,),
    b"GET /livez HTTP/1.10": (400,),
    b"GET  /livez  HTTP/1.1": (400,),
    b"GET\t/livez\tHTTP/1.1": (400,),
    b"get /livez HTTP/1.1": (400, 405),
    b"G<>T /livez HTTP/1.1": (400,),
    b"GETGETGETGETGETGETGETGETGET /livez HTTP/1.1": (400, 405),
    b"BREW /livez HTTP/1.1": (400, 405),
    b"CONNECT evil.example:443 HTTP/1.1": (400, 404, 405),
    b"OPTIONS * HTTP/1.1": (400, 404),
    b"GET http://[::1/livez HTTP/1.1": (400, 404),
    b"GET /" + b"a" * 10_000 + b" HTTP/1.1": (414,),
    b"GET /livez?" + b"a=1&" * 2_000 + b" HTTP/1.1": (414,),
    b"GET /v1/bots/\xff\xfe HTTP/1.1": (400, 401, 404),
    b"GET /livez\x00 HTTP/1.1": (400, 404),
    b"GET livez HTTP/1.1": (400, 404),
    b"PRI * HTTP/2.0": (400,),
}


@pytest.mark.parametrize("line", LINES, ids=[repr(one)[2:40] for one in LINES])
def test_first_lines_that_are_none(server: Server, line: bytes) -> None:
    assert status(exchange(server, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")) in LINES[line]


PATHS = {
    b"/v1//bots": 404,
    b"/v1/bots;x=1": 404,
    b"/v1/bots/;/acme": 404,
    b"/v1/bots/acme%00": 404,
    b"/v1/bots/acme%0d%0aSet-Cookie:%20a=b": 404,
    b"/V1/bots": 404,
    b"/v1/Bots": 404,
    b"/v1/bots/ACME": 404,
    b"/v1/./bots": 404,
    b"/v1/x/../bots": 404,
    b"/v1/bots/": 404,
    b"/v1/bots/%zz": 404,
    b"/v1/bots/acme\\..\\beta": 404,
    b"/v1/bots?%ff=%fe": 400,
    b"/v1/bots?limit=1%00": 400,
    b"/v1/bots?access_token=att_key_1": 400,
    b"/v1/bots#fragment": 200,
    b"/%76%31/bots": 200,
    # The web server hands an address over decoded, its first slashes as one. That opens nothing: who may call is told
    # by the route that answers, never by how its address was written.
    b"/v1%2fbots": 200,
    b"//v1/bots": 200,
    b"//v1/admin/audit?access_token=x": 400,
}


@pytest.mark.parametrize("path", PATHS, ids=[repr(one)[2:40] for one in PATHS])
def test_an_address_is_read_once_and_as_it_is(server: Server, bearer: bytes, path: bytes) -> None:
    received = exchange(server, get(path, bearer))
    assert status(received) == PATHS[path]
    assert b"Set-Cookie" not in received


@pytest.mark.parametrize(
    "headers",
    [
        b"X-HTTP-Method-Override: DELETE\r\n",
        b"X-HTTP-Method: POST\r\n",
        b"X-Forwarded-For: 9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\n",
        b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /evil\r\n",
        b"X-Original-URL: /v1/admin/audit\r\n",
        b"SCRIPT_NAME: /v1\r\n",
        b"SCRIPT-NAME: /v1\r\n",
        b"PATH_INFO: /v1/admin/audit\r\n",
        b"REMOTE_ADDR: 9.9.9.9\r\n",
        b"Remote-User: operator\r\n",
        b"Proxy: http://evil.example\r\n",
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        b"Upgrade: websocket\r\n",
        b"Range: bytes=0-\r\n",
        b"TE: trailers\r\nTrailer: Authorization\r\n",
    ],
)
def test_forged_headers_change_nothing(server: Server, bearer: bytes, home: Path, headers: bytes) -> None:
    plain, forged = (exchange(server, get(b"/v1/bots", bearer + more)) for more in (b"", headers))
    assert plain.partition(b"\r\n\r\n")[2] == forged.partition(b"\r\n\r\n")[2]
    assert status(forged) == 200
    assert "9.9.9" not in (home / "server.log").read_text()


def test_two_credentials_are_none(server: Server, bearer: bytes) -> None:
    for second in (bearer, b"Authorization: Bearer att_key_x\r\n", b"AUTHORIZATION: Basic eDp5\r\n"):
        assert status(exchange(server, get(b"/v1/bots", bearer + second))) == 401
    assert status(exchange(server, get(b"/v1/bots?access_token=x"))) == 401
    assert status(exchange(server, get(b"/v1/bots", b"X-Api-Key: x\r\n"))) == 401


def test_what_the_web_server_says_itself_repeats_nothing_that_a_browser_would_run(server: Server) -> None:
    for line in (b"GET /<script>alert(1)</script> HTTP/9", b"G<script>T / HTTP/1.1", b"GET / HTTP/1.1\r\n<script>: 1"):
        assert b"<script>" not in exchange(server, line + b"\r\nHost: x\r\n\r\n")


def test_requests_of_one_connection_are_answered_in_order(server: Server, bearer: bytes) -> None:
    def one(path: bytes, rest: bytes = b"", method: bytes = b"GET") -> bytes:
        return method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + bearer + rest

    sized = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    chunked = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + BODY + b"\r\n0\r\n\r\n"
    sent = one(b"/livez", b"\r\n") + one(b"/nowhere", b"\r\n") + one(PARSE, sized, b"POST")
    sent += one(PARSE, chunked, b"POST") + one(b"/v1/bots", b"Connection: close\r\n\r\n")
    for pieces in ([sent], [sent[at : at + 7] for at in range(0, len(sent), 7)]):
        with server.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
                if len(pieces) > 1:
                    time.sleep(0.001)
            assert statuses(to_the_end(connection)) == [200, 404, 200, 200, 200]


def test_a_body_that_was_not_read_is_never_taken_for_a_request(server: Server, bearer: bytes) -> None:
    """A refused POST whose body looks like a request of its own."""
    inner = get(b"/v1/bots", bearer)
    for size in (len(inner), len(inner) + 200_000):
        body = inner + b"x" * (size - len(inner))
        head = b"POST /v1/bots HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        received = exchange(server, head + body, hang_up=True)
        assert statuses(received) == [401]


@pytest.mark.parametrize(
    "head",
    [b"POST /v1/bots", b"POST /nowhere", b"DELETE /v1/bots", b"PUT /v1/admin/bots/acme/live", b"POST " + UPLOAD],
)
def test_a_large_body_nobody_wants_is_refused_before_it_was_sent(server: Server, head: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(head + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n")
        sent = 0
        try:
            for _ in range(90):
                connection.sendall(b"x" * 1_000_000)
                sent += 1
        except OSError:
            pass
        assert sent < 60
        assert status(to_the_end(connection)) in (401, 404, 405)


# -- the slow ----------------------------------------------------------------------------------------------------------


def drip(server: Server, head: bytes, piece: bytes, every: float = 0.2) -> tuple[int | None, float]:
    """Send the head, then a piece again and again, until the server has had enough; its status, and after how long."""
    started, received = time.monotonic(), b""
    with server.connect() as connection:
        connection.sendall(head)
        connection.settimeout(every)
        while time.monotonic() - started < 20:
            try:
                more = connection.recv(4_096)
                received += more
                if not more:
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            try:
                connection.sendall(piece)
            except OSError:
                break
    return status(received), time.monotonic() - started


def test_who_says_nothing_is_let_go(server: Server) -> None:
    for head in (b"", b"GET /li", b"GET /livez HTTP/1.1\r\n", b"\r\n\r\n\r\n", bytes.fromhex("16030100a5010000a10303")):
        _, seconds = drip(server, head, b"")
        assert seconds < SOON, head


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"GET /livez HTTP/1.1\r\nX: ", b"a"),
        (b"GET /livez HTTP/1.1\r\n", b"X: a\r\n"),
        (
            b"POST "
            + PARSE
            + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nBEARER",
            b"a",
        ),
        (b"POST " + UPLOAD + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nBEARER", b"abc"),
        (b"POST " + UPLOAD + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nBEARER", b"1\r\na\r\n"),
        (b"POST /v1/bots HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", b"a"),
    ],
    ids=["a header", "headers", "a body", "an upload", "chunks", "a body without a key"],
)
def test_who_dawdles_is_let_go(server: Server, bearer: bytes, home: Path, head: bytes, piece: bytes) -> None:
    answered, seconds = drip(server, head.replace(b"BEARER", bearer + b"\r\n"), piece)
    assert seconds < SOON
    assert answered in (None, 400, 401, 408)
    assert list((home / "tmp").iterdir()) == []


def test_many_who_dawdle_keep_nobody_waiting(server: Server, bearer: bytes) -> None:
    """More of them than there are threads, at every stage: before, within and after a request."""
    heads = [
        b"",
        b"GET /livez HTTP/1.1\r\nX: ",
        b"POST " + PARSE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" + bearer + b"\r\n{",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /v1/bots HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\nConnection: close\r\n\r\n",
    ]
    dawdling = []
    try:
        for number in range(120):
            dawdling.append(server.connect())
            dawdling[-1].sendall(heads[number % len(heads)])
        for _ in range(5):
            started = time.monotonic()
            assert status(exchange(server, get(b"/v1/bots", bearer))) == 200
            assert time.monotonic() - started < 1
    finally:
        for connection in dawdling:
            connection.close()


def cpu_seconds(server: Server) -> float:
    """What the server and its worker have computed so far."""
    own = server.process.pid
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in (own, *children)]
    return sum(int(one) for pair in ticks for one in pair) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("path", [PARSE, UPLOAD])
def test_three_megabytes_of_tiny_chunks_cost_little(server: Server, bearer: bytes, path: bytes) -> None:
    before = cpu_seconds(server)
    received = exchange(
        server, post(bearer, b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n" * 500_000 + b"0\r\n\r\n", path)
    )
    assert status(received) == (400 if path == PARSE else 202)
    assert cpu_seconds(server) - before < 4


# -- what breaks off ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["raw", "form", "chunked", "expecting"])
def test_an_upload_that_breaks_off_is_no_upload(server: Server, home: Path, bearer: bytes, kind: str) -> None:
    body = b'{"id": "1", "messages": [{"role": "user", "content": "broken off"}]}\n' * 10_000
    headers = b"Content-Length: %d\r\n" % len(body)
    sent = body[: len(body) // 2]
    if kind == "form":
        headers += b"Content-Type: multipart/form-data; boundary=XYZ\r\n"
        sent = b'--XYZ\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + sent
    elif kind == "chunked":
        headers, sent = b"Transfer-Encoding: chunked\r\n", b"%x\r\n" % len(body) + sent
    elif kind == "expecting":
        headers += b"Expect: 100-continue\r\n"
    blobs = sorted((home / "blobs").rglob("*"))
    head = b"POST " + UPLOAD + b" HTTP/1.1\r\nHost: x\r\n" + bearer + headers + b"\r\n"
    with site_at(home, {}) as reader:
        before = reader.counts()
        assert status(exchange(server, head + sent, hang_up=True)) == 400
        with server.connect() as connection:  # and one who is simply gone
            connection.sendall(head + sent)
        time.sleep(0.3)
        assert reader.counts() == before
    assert sorted((home / "blobs").rglob("*")) == blobs
    assert list((home / "tmp").iterdir()) == []


def test_uploads_that_are_whole_come_in_whole(server: Server, home: Path, keys: dict[str, str], bearer: bytes) -> None:
    body = bytes(range(256)) * 8_000
    with site_at(home, keys) as reader:
        for headers, sent in (
            (b"Content-Length: %d\r\n" % len(body), body),
            (b"Transfer-Encoding: chunked\r\n", b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"),
            (b"Content-Length: %d\r\nExpect: 100-continue\r\n" % len(body), body),
        ):
            received = exchange(server, post(bearer, headers, sent, UPLOAD))
            assert status(received) == 202
            upload = json.loads(received.rpartition(b"\r\n\r\n")[2])["upload"]
            assert reader.ask("GET", f"/v1/bots/acme/uploads/{upload}").json["size"] == len(body)


def test_a_stream_nobody_listens_to_any_more_gives_its_place_back(
    server: Server, home: Path, keys: dict[str, str], bearer: bytes
) -> None:
    with site_at(home, keys) as site:
        job = site.ask("POST", "/v1/admin/bots/acme/retrain", json={"seed": 12}).json["id"]
        most = site.settings.serve.most_streams
    asked = (
        f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n".encode() + bearer + b"\r\n"
    )
    for _ in range(2):
        watching: list[socket.socket] = []
        until = time.monotonic() + 15
        while len(watching) < most:
            connection = server.connect()
            connection.sendall(asked)
            if b" 200 " in connection.recv(100):
                watching.append(connection)
                continue
            connection.close()
            assert time.monotonic() < until
            time.sleep(0.1)
        for connection in watching:
            connection.close()


def test_noise_is_refused_or_hung_up_on(server: Server) -> None:
    noise = random.Random(20_261_121)
    for _ in range(60):
        sent = noise.randbytes(noise.randrange(1, 2_000))
        if noise.random() < 0.5:
            sent = get(b"/livez") + sent if noise.random() < 0.5 else b"POST / HTTP/1.1\r\n" + sent + b"\r\n\r\n"
        received = exchange(server, sent, hang_up=True)
        assert all(one in (200, 400, 404, 405, 414, 417, 431, 501) for one in statuses(received)), sent
