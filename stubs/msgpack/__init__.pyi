"""Types for msgpack 1.x, which has none of its own; what redset and its tests use."""

import builtins
from collections.abc import Callable, Iterator
from typing import Protocol

from .exceptions import BufferFull as BufferFull
from .exceptions import ExtraData as ExtraData
from .exceptions import FormatError as FormatError
from .exceptions import OutOfData as OutOfData
from .exceptions import PackException as PackException
from .exceptions import PackOverflowError as PackOverflowError
from .exceptions import PackValueError as PackValueError
from .exceptions import StackError as StackError
from .exceptions import UnpackException as UnpackException
from .exceptions import UnpackValueError as UnpackValueError
from .ext import ExtType as ExtType
from .ext import Timestamp as Timestamp

class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...

class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

version: tuple[int, int, int]
__version__: str

class Packer:
    def __init__(
        self,
        *,
        default: Callable[[object], object] | None = None,
        use_single_float: bool = False,
        autoreset: bool = True,
        use_bin_type: bool = True,
        strict_types: bool = False,
        datetime: bool = False,
        unicode_errors: str | None = None,
        buf_size: int = ...,
    ) -> None: ...
    def pack(self, obj: object) -> builtins.bytes: ...
    def pack_array_header(self, size: int) -> builtins.bytes: ...
    def pack_map_header(self, size: int) -> builtins.bytes: ...
    def pack_ext_type(self, typecode: int, data: builtins.bytes) -> builtins.bytes: ...
    def bytes(self) -> builtins.bytes: ...
    def reset(self) -> None: ...

class Unpacker:
    def __init__(
        self,
        file_like: _Readable | None = None,
        *,
        read_size: int = 0,
        use_list: bool = True,
        raw: bool = False,
        timestamp: int = 0,
        strict_map_key: bool = True,
        object_hook: Callable[[dict[object, object]], object] | None = None,
        object_pairs_hook: Callable[[list[tuple[object, object]]], object] | None = None,
        list_hook: Callable[[list[object]], object] | None = None,
        unicode_errors: str | None = None,
        max_buffer_size: int = ...,
        ext_hook: Callable[[int, bytes], object] = ...,
        max_str_len: int = -1,
        max_bin_len: int = -1,
        max_array_len: int = -1,
        max_map_len: int = -1,
        max_ext_len: int = -1,
    ) -> None: ...
    def feed(self, next_bytes: bytes) -> None: ...
    def read_bytes(self, n: int) -> bytes: ...
    def unpack(self) -> object: ...
    def skip(self) -> None: ...
    def read_array_header(self) -> int: ...
    def read_map_header(self) -> int: ...
    def tell(self) -> int: ...
    def __iter__(self) -> Iterator[object]: ...
    def __next__(self) -> object: ...

def packb(
    o: object,
    *,
    default: Callable[[object], object] | None = None,
    use_single_float: bool = False,
    use_bin_type: bool = True,
    strict_types: bool = False,
    datetime: bool = False,
    unicode_errors: str | None = None,
) -> bytes: ...
def pack(
    o: object,
    stream: _Writable,
    *,
    default: Callable[[object], object] | None = None,
    use_single_float: bool = False,
    use_bin_type: bool = True,
    strict_types: bool = False,
    datetime: bool = False,
    unicode_errors: str | None = None,
) -> None: ...
def unpackb(
    packed: bytes,
    *,
    use_list: bool = True,
    raw: bool = False,
    timestamp: int = 0,
    strict_map_key: bool = True,
    object_hook: Callable[[dict[object, object]], object] | None = None,
    object_pairs_hook: Callable[[list[tuple[object, object]]], object] | None = None,
    list_hook: Callable[[list[object]], object] | None = None,
    unicode_errors: str | None = None,
    ext_hook: Callable[[int, bytes], object] = ...,
    max_str_len: int = -1,
    max_bin_len: int = -1,
    max_array_len: int = -1,
    max_map_len: int = -1,
    max_ext_len: int = -1,
) -> object: ...
def unpack(
    stream: _Readable,
    *,
    use_list: bool = True,
    raw: bool = False,
    timestamp: int = 0,
    strict_map_key: bool = True,
    object_hook: Callable[[dict[object, object]], object] | None = None,
    object_pairs_hook: Callable[[list[tuple[object, object]]], object] | None = None,
    list_hook: Callable[[list[object]], object] | None = None,
    unicode_errors: str | None = None,
    ext_hook: Callable[[int, bytes], object] = ...,
) -> object: ...

dump = pack
dumps = packb
load = unpack
loads = unpackb
