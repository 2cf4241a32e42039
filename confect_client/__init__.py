"""Calling functions by ref: typed, over one socket that reconnects or over HTTP alone.

Owns the client's session, its connection and its faces. May import `confect_core` only.
"""

from confect_client.aio import AsyncClient as AsyncClient
from confect_client.blocking.client import Client as Client
from confect_client.blocking.http import HttpClient as HttpClient
from confect_client.blocking.http import Snapshot as Snapshot
from confect_client.blocking.iterator import BlockingIterator as BlockingIterator
from confect_client.blocking.pages import BlockingPages as BlockingPages
from confect_client.blocking.token import BlockingFetchToken as BlockingFetchToken
from confect_client.connection_state import ConnectionState as ConnectionState
from confect_client.errors import BadUrl as BadUrl
from confect_client.errors import CallFromOwnLoop as CallFromOwnLoop
from confect_client.errors import CallRefused as CallRefused
from confect_client.errors import CallTimedOut as CallTimedOut
from confect_client.errors import ClientClosed as ClientClosed
from confect_client.errors import ClientForked as ClientForked
from confect_client.errors import ClientNotOpen as ClientNotOpen
from confect_client.errors import ConnectionLost as ConnectionLost
from confect_client.errors import FunctionFailed as FunctionFailed
from confect_client.errors import NotConnected as NotConnected
from confect_client.errors import NotDeclared as NotDeclared
from confect_client.errors import NotKnown as NotKnown
from confect_client.errors import ServerRefused as ServerRefused
from confect_client.errors import Unreachable as Unreachable
from confect_client.http.client import AsyncHttpClient as AsyncHttpClient
from confect_client.http.client import AsyncSnapshot as AsyncSnapshot
from confect_client.identity import FetchToken as FetchToken
from confect_client.local_store import LocalPages as LocalPages
from confect_client.local_store import LocalQuery as LocalQuery
from confect_client.local_store import LocalStore as LocalStore
from confect_client.paged import PagedSubscription as PagedSubscription
from confect_client.session.pages import PagesState as PagesState
from confect_client.session.pages import PagesStatus as PagesStatus
