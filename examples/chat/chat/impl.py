"""The application."""

from __future__ import annotations

from chat._generated import refs
from chat.access_impl import signed_in
from chat.account.impl import account
from chat.environment import Env, identity_provider
from chat.front_end import FrontEnd
from chat.http import token
from chat.messages.impl import messages, uploads
from chat.presence.impl import absence, presence
from chat.rooms.impl import rooms
from confect_server import Impl, cron, daily, layers

app = (
    Impl(layers())
    .behind(signed_in)
    .provide(account, rooms, messages, uploads, presence, absence)
    .environment(Env)
    .authenticate_by(Env, identity_provider)
    .serve(token)
    .recur(cron("forgotten uploads", daily(hour=4), refs.internal.uploads.forget))
    .mount("/", FrontEnd())
)
