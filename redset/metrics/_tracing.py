"""The trace of a producer, which goes with the payload of its item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import TypeVar

from redset._checks import check_part
from redset.serializers._equality import EqualByParts

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from redset.interfaces import Serializer

__all__ = ["TracedSerializer", "producer_of"]

T = TypeVar("T")

# No text, JSON or pickle begins so, and no msgpack but the number -1 with something after it.
_MARK: Final = b"\xffW3C"
_SIZE: Final = 2
_START: Final = len(_MARK) + _SIZE
# W3C's traceparent has 55 characters; of tracestate, 512 are to be passed on.
_LONGEST: Final = 55 + 1 + 512
_FIELDS: Final = ("traceparent", "tracestate")

_propagator = TraceContextTextMapPropagator()


class TracedSerializer(EqualByParts, Generic[T]):
    """Lets an item carry the trace in which it was added, beside what another serializer makes.

    For sets with ``key=`` alone: equal items that are added in different traces differ in their
    bytes. A set without keys refuses it. Items that were added without it are read, too; those
    that were added with it need it. It is the outermost of serializers, so that `producer_of`
    finds what it has written.

    What is carried is W3C's ``traceparent`` and ``tracestate``, at most 568 bytes, and no
    baggage. What is read may have been written by anybody: what is no trace is passed over.

    Args:
        inner: any serializer: an object, or a module such as `json`.

    Raises:
        TypeError: if ``inner`` is no serializer.

    >>> from redset import SortedSet, connect
    >>> from redset.serializers import JSONSerializer
    >>> tasks = SortedSet(
    ...     connect("memory://"),
    ...     "tasks",
    ...     serializer=TracedSerializer(JSONSerializer()),
    ...     key=lambda task: task["url"],
    ... )
    >>> tasks.add({"url": "/about"})
    0.0
    >>> tasks.pop()
    {'url': '/about'}
    """

    needs_key: Final = True

    def __init__(self, inner: Serializer[T]) -> None:
        check_part(inner, "inner", "dumps", "loads")
        self._inner = inner

    def dumps(self, item: T) -> bytes:
        """Return the present trace, if there is one, and what the inner serializer makes. O(size).

        Raises:
            Exception: whatever the inner serializer raises.
        """
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        header = "\n".join(carrier[field] for field in _FIELDS if field in carrier).encode()
        if len(header) > _LONGEST:
            header = carrier[_FIELDS[0]].encode()
        data = self._inner.dumps(item)
        payload = data.encode() if isinstance(data, str) else data
        return _MARK + len(header).to_bytes(_SIZE, "big") + header + payload

    def loads(self, data: bytes) -> T:
        """Return the item, whatever trace it carries. O(size).

        Raises:
            ValueError: if what it carries is cut off.
            Exception: whatever the inner serializer raises.
        """
        end = _end(data)
        if end > len(data):
            message = f"the item has {len(data)} bytes, but the trace before it {end}"
            raise ValueError(message)
        return self._inner.loads(data[end:])

    def _parts(self) -> tuple[object, ...]:
        return (self._inner,)

    def __repr__(self) -> str:
        return f"TracedSerializer({self._inner!r})"


def producer_of(payload: bytes) -> SpanContext | None:
    """Return the span in which an item was added.

    Args:
        payload: what `TracedSerializer` made of the item: the payload of a
            `redset.interfaces.KeyedMember`, or ``raw`` of a dead letter of a keyed set.

    Returns:
        The span's context; None if it carries none, or what it carries is not valid.
    """
    header = payload[_START : _end(payload)]
    if not 0 < len(header) <= _LONGEST:
        return None
    values = header.decode("ascii", "replace").split("\n")
    carrier = dict(zip(_FIELDS, values, strict=False))
    context = _propagator.extract(carrier)
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None


def _end(data: bytes) -> int:
    """Return where the trace of an item ends; 0 if it has none, as it was added without."""
    if not data.startswith(_MARK):
        return 0
    return _START + int.from_bytes(data[len(_MARK) : _START], "big")
