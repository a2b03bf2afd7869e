"""Parse structs in the Thrift compact protocol, of which Parquet's metadata is made.

Read here rather than by pyarrow because pyarrow 25 aborts the process on some
damaged footers (one flipped bit is enough). Input is untrusted: every read is
bounded, and each parsed value costs at least one byte of input.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any, Final

MAX_DEPTH: Final = 12
_MAX_VARINT_BYTES: Final = 10

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12,
)  # fmt: skip


class MalformedThrift(ValueError):
    """Bytes that are no struct; callers add the file and the offset."""


class CompactReader:
    """Reads structs from a stretch of bytes.

    Attributes:
        position: next byte to read.
    """

    def __init__(self, data: memoryview, position: int, stop: int) -> None:
        self.position = position
        self._data = data
        self._stop = min(stop, len(data))

    def read_struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a struct.

        Returns:
            Values by field id: int, bool, bytes (also for doubles), list, dict.

        Raises:
            MalformedThrift: the bytes end early, nest too deeply or are no struct.
        """
        if depth > MAX_DEPTH:
            raise MalformedThrift("struct nests too deeply")
        fields: dict[int, Any] = {}
        field_id = 0
        while head := self._read_byte():
            delta, kind = head >> 4, head & 15
            field_id = field_id + delta if delta else _unzigzag(self._read_varint())
            if kind in (_TRUE, _FALSE):
                fields[field_id] = kind == _TRUE
            else:
                fields[field_id] = self._read_value(kind, depth)
        return fields

    def _read_value(self, kind: int, depth: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return _unzigzag(self._read_varint())
        if kind == _BINARY:
            return self._read_bytes(self._read_varint())
        if kind == _STRUCT:
            return self.read_struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._read_list(depth + 1)
        if kind == _BYTE:
            return self._read_byte()
        if kind == _DOUBLE:
            return self._read_bytes(8)
        raise MalformedThrift(f"unknown Thrift type {kind}")

    def _read_list(self, depth: int) -> list[Any]:
        head = self._read_byte()
        size, kind = head >> 4, head & 15
        if size == 15:
            size = self._read_varint()
        if depth > MAX_DEPTH or size > self._stop - self.position:
            raise MalformedThrift("list is too long or too deep")
        if kind in (_TRUE, _FALSE):  # a boolean takes a byte in a list and none in a struct
            return [self._read_byte() == _TRUE for _ in range(size)]
        return [self._read_value(kind, depth) for _ in range(size)]

    def _read_byte(self) -> int:
        if self.position >= self._stop:
            raise MalformedThrift("struct runs past its end")
        self.position += 1
        return self._data[self.position - 1]

    def _read_varint(self) -> int:
        value = 0
        for shift in range(0, 7 * _MAX_VARINT_BYTES, 7):
            byte = self._read_byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise MalformedThrift("varint is too long")

    def _read_bytes(self, size: int) -> bytes:
        if size > self._stop - self.position:
            raise MalformedThrift("struct runs past its end")
        self.position += size
        return bytes(self._data[self.position - size : self.position])


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
