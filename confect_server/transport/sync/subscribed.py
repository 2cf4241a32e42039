"""`Subscribed`: one query of a socket, between its session, the cache and the engine."""

from __future__ import annotations

from confect_core.protocol import Action, AddQuery, Mutation
from confect_server.engine import Subscription
from confect_server.runtime import Caller
from confect_server.runtime.query_cache import Question


class Subscribed:
    """What the cache is asked for one query, and the watch on what it read."""

    __slots__ = ("caller", "journal", "query", "question", "subscription")

    def __init__(
        self, query: AddQuery, question: Question, caller: Caller, subscription: Subscription
    ) -> None:
        self.query = query
        self.question = question
        self.caller = caller
        self.subscription = subscription
        self.journal = question.journal
        """Where its next run starts from."""

    def is_for(self, query: AddQuery, caller: Caller, journal: str | None) -> bool:
        """Is it for this query of this caller, whose next run starts from there?"""
        return self.query is query and self.caller is caller and self.journal == journal


def path_of(call: AddQuery | Mutation | Action) -> str:
    """The path of the function that is called; one in a component is none that clients can name."""
    return call.path.within(call.component)
