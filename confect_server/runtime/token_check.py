"""`TokenCheck`: whether a token proves who bears it, by the providers of the present settings.

Every request with a token asks. To read the settings anew takes 120 µs, three times what the check
of a token does; to know that nobody has written them takes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confect_core.errors import refuse
from confect_server.auth import Provider, TokenVerifier, VerifiedToken, mistakes_of
from confect_server.configured_provider import ConfiguredProvider
from confect_server.engine import Clock, Database, ReadSet, Transaction
from confect_server.environment import Variables


class TokenCheck:
    """Checks tokens for one version of an application.

    A change of the settings that name a provider, by whatever process, counts for the next token;
    keys are kept for as long as the providers stay the same.
    """

    def __init__(
        self,
        providers: Sequence[Provider | ConfiguredProvider[Any]],
        database: Database,
        variables: Variables,
        clock: Clock,
    ) -> None:
        self._declared = providers
        self._database = database
        self._variables = variables
        self._clock = clock
        self._named: list[Provider] = []
        self._verifier = TokenVerifier([], clock)
        self._read: tuple[ReadSet, int] | None = None

    async def start(self) -> None:
        """Refuse providers that no token can come from, as the settings name them now."""
        await self._present()
        mistakes = [mistake for each in self._named for mistake in mistakes_of(each)]
        refuse("the application", mistakes)

    async def verify(self, token: str) -> VerifiedToken:
        """Who the token was issued to; raises `TokenRefused`, and which of it says why not."""
        return await (await self._present()).verify(token)

    async def _present(self) -> TokenVerifier:
        """What checks tokens by the settings as they are now."""
        if self._read is None or not self._database.is_unchanged(*self._read):
            transaction = self._database.begin(is_read_only=True)
            try:
                named = await self._providers(transaction)
            finally:
                transaction.end()
            if named != self._named:
                self._named, self._verifier = named, TokenVerifier(named, self._clock)
            self._read = transaction.reads, transaction.begin_ts
        return self._verifier

    async def _providers(self, transaction: Transaction) -> list[Provider]:
        """All of them, in the order in which they were declared."""
        named: list[Provider] = []
        for each in self._declared:
            if not isinstance(each, ConfiguredProvider):
                named.append(each)
                continue
            provider = each.make(await self._variables.read(each.settings, transaction))
            if provider is not None:
                named.append(provider)
        return named
