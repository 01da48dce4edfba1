"""Whether a caller still waits, by the connection itself."""

from __future__ import annotations

import socket
from collections.abc import Callable

from flask import Request

from service.hangups import SOCKET, hung_up


def asked(line: object) -> Callable[[], bool]:
    return hung_up(Request({SOCKET: line}))


def test_who_waits_and_who_has_gone():
    ours, theirs = socket.socketpair()
    with ours:
        gone = asked(ours)
        assert not gone()
        theirs.sendall(b"more")
        assert not gone()
        assert ours.recv(4) == b"more", "looking takes nothing away"
        theirs.close()
        assert gone()
        assert gone()


def test_a_connection_that_was_cut_has_gone():
    ours, theirs = socket.socketpair()
    gone = asked(ours)
    theirs.close()
    ours.close()
    assert gone()


def test_where_no_connection_is_shown_everybody_waits():
    assert not hung_up(Request({}))()
    assert not asked("no socket")()
