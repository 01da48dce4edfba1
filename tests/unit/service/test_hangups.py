"""Whether a caller still waits, by the connection itself."""

from __future__ import annotations

import socket

from service.hangups import SOCKET, hung_up


def test_who_waits_and_who_has_gone():
    ours, theirs = socket.socketpair()
    with ours:
        gone = hung_up({SOCKET: ours})
        assert not gone()
        theirs.sendall(b"more")
        assert not gone()
        assert ours.recv(4) == b"more", "looking takes nothing away"
        theirs.close()
        assert gone()
        assert gone()


def test_a_connection_that_was_cut_has_gone():
    ours, theirs = socket.socketpair()
    gone = hung_up({SOCKET: ours})
    theirs.close()
    ours.close()
    assert gone()


def test_where_no_connection_is_shown_everybody_waits():
    assert not hung_up({})()
    assert not hung_up({SOCKET: "no socket"})()
