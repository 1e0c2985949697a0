"""The gate before a server that goes away: who is sent again, when, and beside whom."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pipeline.engines.gate import Gate, Gone
from pipeline.engines.guided import Completion
from pipeline.errors import DocumentError

pytestmark = pytest.mark.timeout(20)

Request = Callable[[], Awaitable[Completion]]


class Desk:
    """A server of which a test holds the strings: what it was sent, in order, and when it answers or dies."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[str] = []
        self.in_hand: dict[str, asyncio.Future[None]] = {}
        self.notices: list[str] = []
        self.gate = Gate(self.alive, "here", 5.0, self.notices.append)

    async def alive(self) -> bool:
        return self.up

    def send(self, name: str) -> asyncio.Task[Completion]:
        async def request() -> Completion:
            self.sent.append(name)
            if not self.up:
                raise Gone("refused")
            self.in_hand[name] = asyncio.get_running_loop().create_future()
            try:
                await self.in_hand[name]
            finally:
                del self.in_hand[name]
            return Completion(name, "stop")

        return asyncio.create_task(self.gate.send(request))

    async def answer(self, name: str) -> None:
        self.in_hand[name].set_result(None)
        await settled()

    async def die(self, up: bool = False) -> None:
        self.up = up
        for held in self.in_hand.values():
            held.set_exception(Gone("reset"))
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_suspects_go_one_at_a_time_and_before_all_others() -> None:
    async def go() -> None:
        desk = Desk()
        pages = [desk.send(name) for name in ("a", "b", "c")]
        await settled()
        await desk.die(up=True)
        fresh = [desk.send(name) for name in ("d", "e")]
        await settled()
        for name in ("a", "b", "c"):
            assert list(desk.in_hand) == [name]
            await desk.answer(name)
        assert list(desk.in_hand) == ["d", "e"]
        await desk.answer("d")
        await desk.answer("e")
        assert [(await page).text for page in [*pages, *fresh]] == ["a", "b", "c", "d", "e"]
        assert not desk.notices

    asyncio.run(go())


def test_who_is_there_at_two_deaths_is_given_up_and_the_others_wait_for_the_server() -> None:
    async def go() -> None:
        desk = Desk()
        killer, other = desk.send("killer"), desk.send("other")
        await settled()
        await desk.die(up=True)
        fresh = desk.send("fresh")
        await settled()
        await desk.die()
        assert desk.sent == ["killer", "other", "killer"]  # the server is down: nobody is sent into the void
        desk.up = True
        with pytest.raises(DocumentError, match="at here went away twice with this page in hand: reset"):
            await killer
        await settled()
        await desk.answer("other")
        await desk.answer("fresh")
        assert [(await page).text for page in (other, fresh)] == ["other", "fresh"]
        assert desk.sent == ["killer", "other", "killer", "other", "fresh"]
        assert [line.split()[5] for line in desk.notices] == ["gone:", "back"]

    asyncio.run(go())


def test_a_request_that_is_cancelled_holds_nobody_up() -> None:
    async def go() -> None:
        desk = Desk()
        first, second = desk.send("first"), desk.send("second")
        await settled()
        await desk.die()
        fresh = desk.send("fresh")
        await settled()
        first.cancel()
        second.cancel()
        desk.up = True
        await settled()
        assert list(desk.in_hand) == ["fresh"]
        await desk.answer("fresh")
        assert (await fresh).text == "fresh"

    asyncio.run(go())
