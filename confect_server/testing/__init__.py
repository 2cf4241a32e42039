"""Tests of applications: an application in this process, with time and chance in the test's hand.

Nothing of the server imports this. May import all of `confect_server`.
"""

from confect_server.testing.app import TestApp as TestApp
from confect_server.testing.callers import AppClient as AppClient
from confect_server.testing.callers import AppUser as AppUser
from confect_server.testing.clock import VirtualClock as VirtualClock
from confect_server.testing.errors import CallFailed as CallFailed
from confect_server.testing.errors import NeverIdle as NeverIdle
from confect_server.testing.errors import NotRunning as NotRunning
from confect_server.testing.errors import ProcessDied as ProcessDied
from confect_server.testing.services import Replacement as Replacement
from confect_server.testing.services import replacing as replacing
from confect_server.testing.subscription import Answers as Answers
