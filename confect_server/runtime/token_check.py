"""`TokenCheck`: whether a token proves who bears it, by the providers of the present settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confect_core.errors import refuse
from confect_server.auth import Provider, TokenVerifier, VerifiedToken, mistakes_of
from confect_server.configured_provider import ConfiguredProvider
from confect_server.engine import Clock
from confect_server.environment import Variables
from confect_server.runtime.environment import RunningEnvironment


class TokenCheck:
    """Checks tokens for one version of an application.

    Settings that name providers are read for every token, so that a change of them, by whatever
    process, counts for the next one; keys are kept for as long as the providers stay the same.
    """

    def __init__(
        self,
        providers: Sequence[Provider | ConfiguredProvider[Any]],
        environment: RunningEnvironment,
        variables: Variables,
        clock: Clock,
    ) -> None:
        self._declared = providers
        self._environment = environment
        self._variables = variables
        self._clock = clock
        self._named: list[Provider] = []
        self._verifier = TokenVerifier([], clock)

    async def start(self) -> None:
        """Refuse providers that no token can come from, as the settings name them now."""
        named = await self._providers()
        refuse("the application", [mistake for each in named for mistake in mistakes_of(each)])

    async def verify(self, token: str) -> VerifiedToken:
        """Who the token was issued to; raises `TokenRefused`, and which of it says why not."""
        named = await self._providers()
        if named != self._named:
            self._named, self._verifier = named, TokenVerifier(named, self._clock)
        return await self._verifier.verify(token)

    async def _providers(self) -> list[Provider]:
        """All of them, in the order in which they were declared."""
        named: list[Provider] = []
        for each in self._declared:
            if not isinstance(each, ConfiguredProvider):
                named.append(each)
                continue
            settings = await self._environment.read(each.settings, self._variables)
            provider = each.make(settings)
            if provider is not None:
                named.append(provider)
        return named
