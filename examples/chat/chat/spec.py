"""Everything that the application offers."""

from __future__ import annotations

from chat.account.spec import Account
from chat.messages.spec import Messages, Uploads
from chat.presence.spec import Absence, Presence
from chat.rooms.spec import Rooms
from confect_core import Spec

spec = Spec.make().add(Account).add(Rooms).add(Messages).add(Uploads).add(Presence).add(Absence)
