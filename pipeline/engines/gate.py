"""What an engine does about a server that is gone: all wait, one asks after it, and what was in its hands is sent alone."""

import asyncio
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_not_result, stop_after_delay, wait_exponential

from pipeline.engines.guided import Completion
from pipeline.errors import DocumentError, Reason

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

Request = Callable[[], Awaitable[Completion]]


class Gone(Exception):
    """The server cannot be reached, or went away with a request in hand."""


class Gate:
    """The way to one server for all requests of an engine.

    A request that finds the server gone is under suspicion of having killed it, with all that were in flight beside it. Once
    the server is back they are sent again, one at a time and before all others: the one that finds it gone again is to blame.

    Attributes:
        lost: why nothing is sent any more; empty while there is hope.
    """

    def __init__(self, alive: Callable[[], Awaitable[bool]], where: str, wait_s: float, notice: Callable[[str], None]) -> None:
        """Open the gate.

        Args:
            alive: whether the server answers; takes a few seconds at most, raises nothing.
            where: the server, for people.
            wait_s: how long it may be gone before it is given up.
            notice: told, in a line for people, when waiting begins and how it ends.
        """
        self.lost = ""
        self._alive = alive
        self._where = where
        self._wait_s = wait_s
        self._notice = notice
        self._suspects = 0
        self._alone = asyncio.Lock()
        self._calm = asyncio.Event()
        self._calm.set()

    async def send(self, request: Request) -> Completion:
        """What `request` gives, be it at the second try.

        Raises:
            DocumentError: the server went away twice with this request in hand, or is given up (ENGINE_FAILED).
        """
        await self._calm.wait()
        if self.lost:
            raise DocumentError(Reason.ENGINE_FAILED, self.lost)
        try:
            return await request()
        except Gone:
            self._suspects += 1
            self._calm.clear()
        try:
            async with self._alone:
                return await self._again(request)
        finally:
            self._suspects -= 1
            if not self._suspects:
                self._calm.set()

    async def _again(self, request: Request) -> Completion:
        await self._server()
        try:
            return await request()
        except Gone as error:
            await self._server()  # before anyone else is let through
            message = f"the server at {self._where} went away twice with this page in hand: {error}"
            raise DocumentError(Reason.ENGINE_FAILED, message) from error

    async def _server(self) -> None:
        """Return once the server answers; raises DocumentError when it is given up. One at a time, by the lock."""
        if self.lost:
            raise DocumentError(Reason.ENGINE_FAILED, self.lost)
        asking = AsyncRetrying(
            retry=retry_if_not_result(bool),
            wait=wait_exponential(FIRST_PAUSE_S, LONGEST_PAUSE_S),
            stop=stop_after_delay(self._wait_s),
            before_sleep=self._say_waiting,
        )
        try:
            await asking(self._alive)
        except RetryError as error:
            self.lost = f"the server at {self._where} was gone for {self._wait_s:g} s"
            self._notice(f"{self.lost}: given up")
            raise DocumentError(Reason.ENGINE_FAILED, self.lost) from error
        if asking.statistics["attempt_number"] > 1:
            self._notice(f"the server at {self._where} is back")

    def _say_waiting(self, state: RetryCallState) -> None:
        if state.attempt_number == 1:
            self._notice(f"the server at {self._where} is gone: waiting up to {self._wait_s:g} s for it")
