"""What to do about errors of servers and clients: added to them as notes.

The errors stay what they are, and their messages as well: traceback and log show notes
below the message, and ``error.__notes__`` has them.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["explain"]

# What is looked for in the names of an error's classes, in its message and that of what it arose
# from, and what to do. The first that is found is meant. What a script met is told by its message
# alone, in Redis 6.2, and what every sentinel said by that of one error.
_REMEDIES: Final = [
    (re.compile(pattern), remedy)
    for pattern, remedy in {
        "MasterNotFound": (
            "check the name of the service and the sentinels' addresses, and what they want: "
            "sentinel_username and sentinel_password, rediss+sentinel:// and certificates"
        ),
        "NoPermission|ACL failure|The user executing the script can't": (
            "let the user run redset's commands on the keys of the set, of a ShardedSet on "
            "~{NAME:* as well: ACL SETUSER user ~NAME ~{NAME}:* +@read +@write +@scripting "
            "+@connection +@transaction +time -@dangerous"
        ),
        "AuthenticationError|Authentication required": (
            "give the server's user and password: redis://user:password@host, where what is "
            "special is written as urllib.parse.quote does, or connect(url, password=…)"
        ),
        "ReadOnly|READONLY": (
            "this is a replica: connect to the primary, or have it found by redis+sentinel:// "
            "or redis+cluster://"
        ),
        "OutOfMemory|OOM command": (
            "the server is full: raise its maxmemory, or take items out, which it still does. "
            "Nothing was lost; maxmemory-policy should be noeviction, so that nothing is"
        ),
        "BusyLoading|LOADING": (
            "the server reads its data after a start, and answers when it is done: try again"
        ),
        "CERTIFICATE_VERIFY_FAILED": (
            "the server's certificate is not trusted: name the file of who signed it by "
            "ssl_ca_certs=…, and the server as its certificate does"
        ),
        r"\[SSL: \w+ALERT_(CERTIFICATE|BAD_CERT|UNKNOWN_CA|HANDSHAKE)": (
            "the server asks for a certificate that it trusts: ssl_certfile=…&ssl_keyfile=…"
        ),
        "WRONGTYPE": (
            "something else than a set has the name of this set, or of what is kept beside it: "
            "choose another name, or another database"
        ),
        "MovedError|MOVED ": "this is a node of a cluster: connect by redis+cluster://",
        "TimeoutError": (
            "the server did not answer in time: it is paused, busy or out of reach. It may yet "
            "do what it was asked to; try again, or raise socket_timeout"
        ),
    }.items()
]


def explain(error: BaseException) -> None:
    """Add to an error what to do about it, if that is known."""
    classes = " ".join(kind.__name__ for kind in type(error).__mro__)
    text = f"{classes} {error} {error.__context__}"
    for pattern, remedy in _REMEDIES:
        if pattern.search(text):
            error.add_note(remedy)
            return
