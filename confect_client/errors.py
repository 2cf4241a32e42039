"""Calls that got no answer.

::

    ClientError
    ├── ConnectionLost      an action, or a call over HTTP, whose connection broke before the answer
    ├── NotConnected        a wait for the connection that took too long
    ├── Unreachable         a call over HTTP that found no way to the server
    ├── CallTimedOut        a call without an answer within its `timeout_s`
    ├── CallRefused         a call over HTTP whose answer is none of a function
    ├── ServerRefused       the server said that this client breaks the protocol
    ├── FunctionFailed      a function failed with an error that it does not declare
    ├── BadUrl              an address that no server can have
    ├── NotKnown            an optimistic update reads what nobody subscribes to
    ├── NotDeclared         an optimistic update shows an error that the query does not declare
    ├── ClientNotOpen       a call on a client that was not opened
    ├── ClientClosed        a call on a client that was closed
    ├── ClientForked        a blocking call on a client that another process has started
    └── CallFromOwnLoop     a blocking call from where the client itself runs

What a function declares that it fails with is no `ClientError`: it comes in an `Outcome`, or is
raised as itself by the calls that end in `_or_raise`.
"""

from __future__ import annotations

from confect_core.errors import ClientError


class Unreachable(ClientError):
    """There was no way to the server; nothing has run."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"There is no connection to {url}: {reason}.",
            hint="See that the server runs and can be reached there, and call again.",
        )


class ConnectionLost(ClientError):
    """The connection broke while a call was running; nobody knows how far it came."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The connection was lost while {path} was running: {reason}.",
            hint="Use a mutation for what must happen exactly once, or make the action repeatable.",
        )


class NotConnected(ClientError):
    """There was no connection for as long as somebody wanted to wait for one."""

    def __init__(self, timeout_s: float, reason: str | None) -> None:
        why = "" if reason is None else f": {reason}"
        super().__init__(
            f"there is no connection after {timeout_s:g} s{why}",
            hint="the client goes on trying; look whether the server runs at this address",
        )
        self.timeout_s = timeout_s


class CallTimedOut(ClientError):
    """A call got no answer in time. A mutation still runs, exactly once; an action may."""

    def __init__(
        self, path: str, timeout_s: float, *, may_still_run: bool, unconnected: str | None = None
    ) -> None:
        why = "" if unconnected is None else f", because there is no connection: {unconnected}"
        super().__init__(
            f"{path} has not answered within {timeout_s:g} s{why}",
            hint="it may still run: subscribe to what it changes to see whether it did"
            if may_still_run
            else "look at `client.connection`, or allow more time with `with_options`",
        )
        self.path = path
        self.timeout_s = timeout_s
        self.may_still_run = may_still_run


class CallRefused(ClientError):
    """What answers over HTTP did not run the function, or is no server of functions at all."""

    def __init__(self, path: str, status: int, code: str | None, message: str) -> None:
        said = f"{code}: {message}" if code else message
        super().__init__(
            f"{path} was refused with status {status}: {said}", hint=_hint_of(status, code)
        )
        self.path = path
        self.status = status
        self.code = code


def _hint_of(status: int, code: str | None) -> str:
    if code is None:
        return "something else answers at this address, a proxy or another server"
    if status == 503:
        return "nothing has happened; try again in a moment"
    return "correct what the code names: the token, the arguments or the path"


class ServerRefused(ClientError):
    """The server ended the session because of what this client sent; no retry would help."""

    def __init__(self, error: str) -> None:
        super().__init__(
            f"The server ended the session: {error}",
            hint="Correct the function path or the version that the server names.",
        )


class FunctionFailed(ClientError):
    """A function failed on the server with an error that its spec does not declare."""

    def __init__(self, path: str, message: str, request_id: str | None) -> None:
        super().__init__(
            f"{path} failed: {message}",
            hint=f"look for request {request_id} in the server's log",
        )
        self.path = path
        self.request_id = request_id


class BadUrl(ClientError):
    """An address at which no server can be."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url!r} is not the URL of a server",
            hint="write scheme and host, as in http://127.0.0.1:3210",
        )


class NotKnown(ClientError):
    """An optimistic update reads a query of which there is no answer."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is not known with these arguments",
            hint="ask `is_known` first; only what is subscribed to and has answered is known",
        )


class NotDeclared(ClientError):
    """An optimistic update shows an error with which the query cannot fail."""

    def __init__(self, path: str, error: str) -> None:
        super().__init__(
            f"{path} does not declare {error}", hint="show an error that its spec declares"
        )


class ClientNotOpen(ClientError):
    """A call on a client that was never opened."""

    def __init__(self) -> None:
        super().__init__(
            "the client is not open",
            hint="write `async with AsyncClient(url) as client:` and call inside, or "
            "`client = await AsyncClient.open(url)`",
        )


class ClientClosed(ClientError):
    """A call on a client that was closed, or a wait that its closing ended."""

    def __init__(self) -> None:
        super().__init__("the client is closed", hint="call before it is closed")


class ClientForked(ClientError):
    """A call on a client whose thread runs in the process that this one was forked from."""

    def __init__(self) -> None:
        super().__init__(
            "the client was started in another process, of which this one is a fork",
            hint="make a client in each process, or fork before its first call",
        )


class CallFromOwnLoop(ClientError):
    """A blocking call from the loop that would have to answer it."""

    def __init__(self) -> None:
        super().__init__(
            "a blocking call from inside of the client would wait for itself",
            hint="an optimistic update reads and writes its store only; call from elsewhere",
        )
