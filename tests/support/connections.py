"""What a server tells of the connections to it."""

from typing import Any


def named(client: Any, name: str) -> list[Any]:
    """Return the connections whose clients call themselves so."""
    return [each for each in client.client_list() if each["name"] == name]


def is_blocked(client: Any, name: str) -> bool:
    """Tell whether one of them waits in a blocking command."""
    return any("b" in each["flags"] for each in named(client, name))
