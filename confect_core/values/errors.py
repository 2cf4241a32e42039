"""What is wrong with a value, each mistake as its own error.

::

    ValueRefused
    ├── NotAValue            a Python object that has no wire form
    ├── NotInt64             an int that 64 bits cannot hold
    ├── UnsettledCommitTs    a commit's timestamp, before there is one
    ├── UnsafeInteger        an int that a float64 does not carry exactly
    ├── LoneSurrogate        text that UTF-8 cannot express
    ├── NotJson              text that is no JSON, or JSON with numbers that are none
    ├── MalformedWireValue   a `$integer`, `$float` or `$bytes` that says nothing
    ├── MalformedKey         bytes that are no index key
    ├── MalformedId          a string that is no document id
    ├── InvalidFieldName     a name that no field can have
    ├── ValueTooDeep         containers inside containers beyond the limit
    ├── ArrayTooLong         more items than an array may have
    ├── TooManyFields        more fields than an object may have
    └── DocumentTooLarge     more bytes than a document may have
"""

from __future__ import annotations

from confect_core.errors import ValueRefused
from confect_core.values.place import Place, path_of


def _at(place: Place) -> str:
    return f" at {path_of(place)}" if place else ""


class NotAValue(ValueRefused):
    """A Python object that has no wire form."""

    def __init__(self, given: object, place: Place = None) -> None:
        super().__init__(
            f"{_shown(given)} is of type {type(given).__name__}, which is no value{_at(place)}",
            hint="pass None, bool, float, BigInt, str, bytes, or a list or str-keyed dict of these",
        )


class NotInt64(ValueRefused):
    """An int that 64 bits cannot hold."""

    def __init__(self, given: int) -> None:
        super().__init__(
            f"{_shown(given)} does not fit into 64 bits",
            hint="keep a BigInt between -2**63 and 2**63 - 1, or send the number as a string",
        )


class UnsettledCommitTs(ValueRefused):
    """A commit's timestamp where it is needed before the commit has one."""

    def __init__(self) -> None:
        super().__init__(
            "COMMIT_TS stands for the timestamp of a commit that is still to be made",
            hint="write it into a CommitTs field, and read the timestamp in another function; "
            "it is no argument, no result and no bound",
        )


class UnsafeInteger(ValueRefused):
    """An int that a float64 does not carry exactly."""

    def __init__(self, given: int, place: Place = None) -> None:
        super().__init__(
            f"{_shown(given)} is outside ±(2**53 - 1){_at(place)}",
            hint="wrap it in BigInt, or declare the field as Int64",
        )


class LoneSurrogate(ValueRefused):
    """Text that UTF-8 cannot express."""

    def __init__(self, text: str, place: Place = None) -> None:
        super().__init__(
            f"{_shown(text)} contains half of a surrogate pair{_at(place)}",
            hint="decode the text with errors='replace' before passing it on",
        )


class NotJson(ValueRefused):
    """Text that is no JSON, or a number in it that is none."""

    def __init__(self, problem: str, place: Place = None) -> None:
        super().__init__(
            f"this is no JSON{_at(place)}: {problem}",
            hint='send JSON; NaN, infinities and -0 travel as {"$float": ...}',
        )


class MalformedWireValue(ValueRefused):
    """A `$integer`, `$float` or `$bytes` that says nothing."""

    def __init__(self, form: str, problem: str, place: Place = None) -> None:
        super().__init__(
            f"{form} {problem}{_at(place)}",
            hint="$integer holds 8 bytes, $float NaN, an infinity or -0, $bytes any; all in base64",
        )


class MalformedKey(ValueRefused):
    """Bytes that are no index key."""

    def __init__(self, key: bytes, position: int, problem: str) -> None:
        super().__init__(
            f"{key.hex(' ')} is no index key: {problem} at byte {position}",
            hint="pass bytes that key_of made",
        )


class MalformedId(ValueRefused):
    """A string that is no document id."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(
            f"{_shown(text)} is no document id: {problem}",
            hint="pass an id exactly as the database returned it",
        )


class InvalidFieldName(ValueRefused):
    """A name that no field can have."""

    def __init__(self, name: str, problem: str, place: Place = None) -> None:
        super().__init__(
            f"{_shown(name)} cannot name a field{_at(place)}: it {problem}",
            hint="rename the field; as data, keep such names in a list of pairs",
        )


class ValueTooDeep(ValueRefused):
    """Containers inside containers beyond the limit."""

    def __init__(self, limit: int, place: Place = None) -> None:
        super().__init__(
            f"the value{_at(place)} is inside more than {limit} levels of objects and arrays",
            hint="flatten it, or keep the parts in documents of their own",
        )


class ArrayTooLong(ValueRefused):
    """More items than an array may have."""

    def __init__(self, length: int, limit: int, place: Place = None) -> None:
        super().__init__(
            f"the array{_at(place)} has {length} items; {limit} is the limit",
            hint="keep the items in documents of their own",
        )


class TooManyFields(ValueRefused):
    """More fields than an object may have."""

    def __init__(self, count: int, limit: int, place: Place = None) -> None:
        super().__init__(
            f"the object{_at(place)} has {count} fields; {limit} is the limit",
            hint="keep the fields in documents of their own",
        )


class DocumentTooLarge(ValueRefused):
    """More bytes than a document may have."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the document has {size} bytes; {limit} is the limit",
            hint="split the document, or keep large content in file storage",
        )


def _shown(given: object) -> str:
    """The object as messages show it: short, whatever it is."""
    if isinstance(given, int):
        return f"{given:d}" if given.bit_length() <= 128 else f"an int of {given.bit_length()} bits"
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:77]}..."
