"""Values: what travels, what is stored and what indexes order, and what they may be.

Owns the canonical form of values, their JSON and their index keys, document ids and the limits of
all of these. May import `confect_core.errors` and nothing else of the project.
"""

from __future__ import annotations

from confect_core.values.absent import ABSENT as ABSENT
from confect_core.values.absent import Absent as Absent
from confect_core.values.commit_ts import CommitTs as CommitTs
from confect_core.values.commit_ts import stamped as stamped
from confect_core.values.document import check_document as check_document
from confect_core.values.document import with_floats as with_floats
from confect_core.values.errors import ArrayTooLong as ArrayTooLong
from confect_core.values.errors import DocumentTooLarge as DocumentTooLarge
from confect_core.values.errors import InvalidFieldName as InvalidFieldName
from confect_core.values.errors import LoneSurrogate as LoneSurrogate
from confect_core.values.errors import MalformedId as MalformedId
from confect_core.values.errors import MalformedKey as MalformedKey
from confect_core.values.errors import MalformedWireValue as MalformedWireValue
from confect_core.values.errors import NotAValue as NotAValue
from confect_core.values.errors import NotInt64 as NotInt64
from confect_core.values.errors import NotJson as NotJson
from confect_core.values.errors import TooManyFields as TooManyFields
from confect_core.values.errors import UnsafeInteger as UnsafeInteger
from confect_core.values.errors import UnsettledCommitTs as UnsettledCommitTs
from confect_core.values.errors import ValueTooDeep as ValueTooDeep
from confect_core.values.field_names import check_field_name as check_field_name
from confect_core.values.ids import decode_id as decode_id
from confect_core.values.ids import encode_id as encode_id
from confect_core.values.ids import new_internal_id as new_internal_id
from confect_core.values.int64 import Int64 as Int64
from confect_core.values.interval import Interval as Interval
from confect_core.values.order import compare as compare
from confect_core.values.order import decode_key as decode_key
from confect_core.values.order import key_of as key_of
from confect_core.values.order import key_of_value as key_of_value
from confect_core.values.order import successor as successor
from confect_core.values.value import UNDEFINED as UNDEFINED
from confect_core.values.value import BigInt as BigInt
from confect_core.values.value import Undefined as Undefined
from confect_core.values.value import Value as Value
from confect_core.values.value import size_of as size_of
from confect_core.values.wire import Json as Json
from confect_core.values.wire import clean as clean
from confect_core.values.wire import decode as decode
from confect_core.values.wire import dumps as dumps
from confect_core.values.wire import dumps_canonical as dumps_canonical
from confect_core.values.wire import encode as encode
from confect_core.values.wire import export_json as export_json
from confect_core.values.wire import loads as loads
from confect_core.values.wire import loads_canonical as loads_canonical
