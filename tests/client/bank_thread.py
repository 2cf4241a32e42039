"""`bank_in_thread`: the bank served by a thread, for tests that block."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.client.bank_server import Bank, a_bank


class BankInThread:
    """A bank whose server can be stopped and started by whoever blocks."""

    def __init__(self, bank: Bank, portal: BlockingPortal) -> None:
        self.bank = bank
        self.url = bank.url
        self._portal = portal

    def start(self) -> None:
        self._portal.call(self.bank.start)

    def stop(self) -> None:
        self._portal.call(self.bank.stop)

    def wait_first_at_meeting(self) -> None:
        """Return once a deposit waits for another one."""
        self._portal.call(self.bank.meeting.wait_first)

    def meet(self) -> None:
        """Let the deposit that waits go on."""
        self._portal.call(self.bank.meeting.meet)


@contextmanager
def bank_in_thread() -> Generator[BankInThread]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(a_bank()) as bank,
    ):
        yield BankInThread(bank, portal)
