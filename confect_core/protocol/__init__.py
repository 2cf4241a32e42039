"""The wire: the messages between clients and servers, and how they are read and written.

Owned here: the sync protocol (`sync`), the HTTP API (`http`), function paths and client versions.
Imports `confect_core.errors` and `confect_core.values` only; has no I/O and keeps no state.
"""

from __future__ import annotations

from confect_core.protocol.chunks import LONGEST_FRAME as LONGEST_FRAME
from confect_core.protocol.chunks import transition_chunks as transition_chunks
from confect_core.protocol.errors import BadFormat as BadFormat
from confect_core.protocol.errors import BadFunctionPath as BadFunctionPath
from confect_core.protocol.errors import BadJsonBody as BadJsonBody
from confect_core.protocol.errors import BadQueryArgs as BadQueryArgs
from confect_core.protocol.errors import BaseVersionMismatch as BaseVersionMismatch
from confect_core.protocol.errors import InvalidClientVersion as InvalidClientVersion
from confect_core.protocol.errors import MalformedMessage as MalformedMessage
from confect_core.protocol.errors import MissingIdentifier as MissingIdentifier
from confect_core.protocol.errors import QueryIdMisused as QueryIdMisused
from confect_core.protocol.errors import UnsupportedClientVersion as UnsupportedClientVersion
from confect_core.protocol.fields import JsonObject as JsonObject
from confect_core.protocol.http import CallFailed as CallFailed
from confect_core.protocol.http import CallRefused as CallRefused
from confect_core.protocol.http import CallRequest as CallRequest
from confect_core.protocol.http import CallResponse as CallResponse
from confect_core.protocol.http import CallSucceeded as CallSucceeded
from confect_core.protocol.http import ResultFormat as ResultFormat
from confect_core.protocol.http import encode_call as encode_call
from confect_core.protocol.http import encode_call_response as encode_call_response
from confect_core.protocol.http import encode_refusal as encode_refusal
from confect_core.protocol.http import parse_asked_call as parse_asked_call
from confect_core.protocol.http import parse_call as parse_call
from confect_core.protocol.http import parse_call_response as parse_call_response
from confect_core.protocol.http import parse_named_call as parse_named_call
from confect_core.protocol.http_snapshots import encode_batch_response as encode_batch_response
from confect_core.protocol.http_snapshots import encode_snapshot as encode_snapshot
from confect_core.protocol.http_snapshots import parse_batch as parse_batch
from confect_core.protocol.http_snapshots import parse_call_at as parse_call_at
from confect_core.protocol.path import FunctionPath as FunctionPath
from confect_core.protocol.record import record as record
from confect_core.protocol.sync import INITIAL_VERSION as INITIAL_VERSION
from confect_core.protocol.sync import Action as Action
from confect_core.protocol.sync import ActionFailed as ActionFailed
from confect_core.protocol.sync import ActionSucceeded as ActionSucceeded
from confect_core.protocol.sync import AddQuery as AddQuery
from confect_core.protocol.sync import AdminToken as AdminToken
from confect_core.protocol.sync import Authenticate as Authenticate
from confect_core.protocol.sync import AuthError as AuthError
from confect_core.protocol.sync import ClientMessage as ClientMessage
from confect_core.protocol.sync import Clocks as Clocks
from confect_core.protocol.sync import Connect as Connect
from confect_core.protocol.sync import EncodedValue as EncodedValue
from confect_core.protocol.sync import Event as Event
from confect_core.protocol.sync import FatalError as FatalError
from confect_core.protocol.sync import Modification as Modification
from confect_core.protocol.sync import ModifyQuerySet as ModifyQuerySet
from confect_core.protocol.sync import Mutation as Mutation
from confect_core.protocol.sync import MutationFailed as MutationFailed
from confect_core.protocol.sync import MutationSucceeded as MutationSucceeded
from confect_core.protocol.sync import NoToken as NoToken
from confect_core.protocol.sync import Ping as Ping
from confect_core.protocol.sync import QueryFailed as QueryFailed
from confect_core.protocol.sync import QueryRemoved as QueryRemoved
from confect_core.protocol.sync import QueryUpdated as QueryUpdated
from confect_core.protocol.sync import RemoveQuery as RemoveQuery
from confect_core.protocol.sync import Response as Response
from confect_core.protocol.sync import ServerMessage as ServerMessage
from confect_core.protocol.sync import StateVersion as StateVersion
from confect_core.protocol.sync import Token as Token
from confect_core.protocol.sync import Transition as Transition
from confect_core.protocol.sync import UserToken as UserToken
from confect_core.protocol.sync_reading import parse_client_message as parse_client_message
from confect_core.protocol.sync_reading import parse_server_message as parse_server_message
from confect_core.protocol.sync_writing import PING as PING
from confect_core.protocol.sync_writing import encode_client_message as encode_client_message
from confect_core.protocol.sync_writing import encode_server_message as encode_server_message
from confect_core.protocol.sync_writing import encode_update as encode_update
from confect_core.protocol.timestamp import decode_ts as decode_ts
from confect_core.protocol.timestamp import encode_ts as encode_ts
from confect_core.protocol.version import ClientVersion as ClientVersion
from confect_core.protocol.version import Semver as Semver
