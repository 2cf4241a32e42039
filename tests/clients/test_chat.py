"""Two people in examples/chat: its pages, npm's convex with React, and a real server process."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from tests.clients.browser import Browser, Page, browser, keep
from tests.serving import Server, serving_chat
from tests.wire import wire_to

_BUILT = Path(__file__).parents[2] / "examples" / "chat" / "web" / "dist" / "index.html"

_SHOWN = """[...document.querySelectorAll('[data-message]')].map((each) => ({
    text: each.querySelector('.bubble p')?.textContent ?? '',
    author: each.querySelector('h3')?.textContent,
    isPending: each.classList.contains('pending'),
}))"""
_ROOMS = "[...document.querySelectorAll('.sidebar nav a')]"
_LIST = "document.querySelector('.messages')"
_PENDING = "document.querySelectorAll('.pending').length"
_TITLE = "document.querySelector('.room h1')?.textContent"
_FIELD = ".composer textarea"
_BEGUN = f"document.querySelector('{_FIELD}').value"
_IMAGE = "document.querySelector('.bubble img')"


@pytest.fixture
def chat_settings() -> Mapping[str, str]:
    """Settings of the chat, besides those that let everybody in."""
    return {}


@pytest.fixture
def chat(tmp_path: Path, chat_settings: Mapping[str, str]) -> Generator[Server]:
    """A server of examples/chat, with its front end."""
    if not _BUILT.exists():
        lacking = "the front end is not built: run `make test`, or npm run build in examples/chat"
        if "CI" in os.environ:
            pytest.fail(lacking)
        pytest.skip(lacking)
    with serving_chat(tmp_path, chat_settings) as server:
        yield server


class Person:
    """Somebody before a page of the chat."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    async def enter(self, url: str) -> None:
        """Open the chat and sign in."""
        await self.page.open(url)
        await self.page.type_into("#name", self.name)
        await self.page.press_enter()
        await self.page.wait_for("!!document.querySelector('.chat')")

    async def create(self, room: str) -> None:
        """Create a room, which opens."""
        await self.page.type_into(".new-room input", room)
        await self.page.press_enter()
        await self._is_in(room)

    async def go_to(self, room: str) -> None:
        """Open a room once it is there."""
        found = f"{_ROOMS}.find((each) => each.textContent.startsWith({_text(room)}))"
        await self.page.wait_for(f"!!{found}")
        await self.page.evaluate(f"{found}.click()")
        await self._is_in(room)

    async def says(self, text: str) -> None:
        """Write a message and send it, which empties the field."""
        await self.page.type_into(_FIELD, text)
        await self.page.press_enter()
        await self.page.wait_for(f"{_BEGUN} === ''")

    async def sees(self, *texts: str) -> None:
        """Return once these are the messages, no more and no less, and the server has them all."""
        wanted = f"JSON.stringify({_SHOWN}.map((each) => each.text)) === {_text(_json(texts))}"
        await self.page.wait_for(f"{wanted} && {_PENDING} === 0")

    async def has_read(self, text: str) -> None:
        """Return once this stands somewhere on the page."""
        await self.page.wait_for(f"document.body.textContent.includes({_text(text)})")

    async def has_not(self, text: str) -> None:
        """Return once this stands nowhere on the page."""
        await self.page.wait_for(f"!document.body.textContent.includes({_text(text)})")

    async def _is_in(self, room: str) -> None:
        await self.page.wait_for(f"{_TITLE} === {_text(room)}")
        # what one sees first are the messages, not that they are loaded
        await self.page.wait_for("!document.querySelector('.begin .spinner')")


async def two_people(opened: Browser, ada_at: str, bob_at: str) -> tuple[Person, Person]:
    """Ada and Bob, who have both signed in."""
    ada, bob = Person(await opened.page(), "Ada Lovelace"), Person(await opened.page(), "Bob")
    await ada.enter(ada_at)
    await bob.enter(bob_at)
    return ada, bob


async def test_two_people_talk(chat: Server) -> None:
    async with browser() as opened:
        ada, bob = Person(await opened.page(), "Ada"), Person(await opened.page(), "Bob")
        await ada.enter(chat.url)
        assert await here(ada) == ["Ada"]
        await bob.enter(chat.url)
        await ada.page.wait_for("document.querySelectorAll('.people li.here').length === 2")
        await ada.create("Engines")
        await bob.create("Looms")
        await bob.go_to("Engines")
        await ada.says("Hello Bob")
        await bob.sees("Hello Bob")
        await bob.says("Hello Ada")
        await ada.sees("Hello Bob", "Hello Ada")

        # who types is shown until they send
        await bob.page.type_into(_FIELD, "I am")
        await ada.has_read("Bob is typing")
        await bob.page.press_enter()
        await ada.sees("Hello Bob", "Hello Ada", "I am")
        await ada.has_not("Bob is typing")

        # what is said in another room is counted, until one goes there
        await bob.go_to("Looms")
        await ada.says("Where are you?")
        await bob.has_read("1 unread")
        await bob.go_to("Engines")
        await bob.has_not("1 unread")

        # a name that is taken is a declared error
        await bob.page.type_into(".new-room input", "Engines")
        await bob.page.press_enter()
        await bob.has_read("There is a room “Engines” already.")

        # who leaves is not here any more
        await bob.page.click("[aria-label='Sign out']")
        await bob.page.wait_for("!!document.querySelector('#name')")
        await ada.page.wait_for("document.querySelectorAll('.people li.here').length === 1")
        assert await here(ada) == ["Ada"]
        said = [*ada.page.said, *bob.page.said]
        assert [text for text in said if "NameTaken" not in text] == []


async def here(who: Person) -> Any:
    """The names of those who are here, as somebody sees them."""
    found = (
        "[...document.querySelectorAll('.people li.here')].map((each) => each.childNodes[1].data)"
    )
    await who.page.wait_for(f"{found}.length > 0")
    return await who.page.evaluate(found)


async def test_a_message_is_there_before_the_server_has_answered(chat: Server) -> None:
    async with wire_to(chat.port) as wire, browser() as opened:
        ada, bob = await two_people(opened, wire.url, chat.url)
        await ada.create("Engines")
        await bob.go_to("Engines")
        await bob.says("one")
        await ada.sees("one")

        wire.lose_answers()
        await ada.says("two")
        last = "[...document.querySelectorAll('[data-message]')].at(-1)"
        shown = await ada.page.evaluate(_SHOWN)
        assert [(each["text"], each["isPending"]) for each in shown] == [
            ("one", False),
            ("two", True),
        ]
        await ada.page.evaluate(f"void (window.sent = {last})")
        await bob.sees("one", "two")

        # the answer is lost: the client sends again, which the server has done already
        wire.cut()
        await ada.sees("one", "two")
        # it is the same element that stood there all the time
        assert await ada.page.evaluate(f"window.sent === {last}")
        await bob.says("three")
        await ada.sees("one", "two", "three")
        await bob.sees("one", "two", "three")


async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(chat: Server) -> None:
    async with browser() as opened:
        ada, bob = await two_people(opened, chat.url, chat.url)
        await ada.create("Engines")
        await bob.go_to("Engines")
        said: list[str] = []
        for round in ("first", "second"):
            for who in (ada, bob):
                said.append(f"{who.name}, {round}")
                await who.says(said[-1])
                await ada.sees(*said)
            chat.kill()
            await ada.has_read("Connecting again")
            said.append(f"{round} time, while nobody answers")
            await ada.says(said[-1])
            await ada.has_read("What you have sent will arrive")
            chat.start()
            await ada.sees(*said)
            await bob.sees(*said)
            await ada.has_not("Connecting again")


async def test_older_messages_come_as_one_scrolls_up(chat: Server) -> None:
    said = [f"message {number}" for number in range(100)]
    with Caller(chat, "Bob") as bob:
        room = bob.mutation("rooms:create", name="Engines")
        for text in said:
            bob.mutation("messages:send", room=room, text=text, key=text)
        async with browser() as opened:
            ada = Person(await opened.page(), "Ada")
            await ada.page.look_like(800, 600)
            await ada.enter(chat.url)
            await ada.go_to("Engines")
            await ada.page.wait_for(f"{_SHOWN}.length === 30")
            assert await is_at_end(ada)

            # she sees the oldest of what is loaded, and goes on seeing it while older ones come
            await ada.page.evaluate(f"{_LIST}.scrollTop = 0")
            top = "document.querySelector('[data-message=\"message 70\"]')"
            await ada.page.wait_for(f"{_SHOWN}.length === 60")
            place = f"{top}.getBoundingClientRect().top - {_LIST}.getBoundingClientRect().top"
            assert 0 <= await ada.page.evaluate(place) < 150

            # nor does what is said now take her away from there
            before = await ada.page.evaluate(place)
            bob.mutation("messages:send", room=room, text="message 100", key="message 100")
            await ada.page.wait_for(f"{_SHOWN}.length === 61")
            assert abs(await ada.page.evaluate(place) - before) < 1
            assert not await is_at_end(ada)

            for count in (91, 101):
                await ada.page.evaluate(f"{_LIST}.scrollTop = 0")
                await ada.page.wait_for(f"{_SHOWN}.length === {count}")
            await ada.has_read("This is where it began.")
            await ada.sees(*said, "message 100")

            # who is at the end stays there
            await ada.says("I have read it all")
            assert await is_at_end(ada)
            bob.mutation("messages:send", room=room, text="Good", key="Good")
            await ada.sees(*said, "message 100", "I have read it all", "Good")
            assert await is_at_end(ada)


async def is_at_end(who: Person) -> Any:
    """Is the last message in view?"""
    left = f"{_LIST}.scrollHeight - {_LIST}.clientHeight - {_LIST}.scrollTop"
    return await who.page.evaluate(f"{left} < 2")


async def test_a_picture_that_one_uploads_is_seen_by_the_other(
    chat: Server, tmp_path: Path
) -> None:
    async with browser() as opened:
        ada, bob = await two_people(opened, chat.url, chat.url)
        await ada.page.look_like(1200, 800)
        await bob.page.look_like(390, 844, is_dark=True, is_phone=True)
        await ada.create("Engines")
        with Caller(chat, "Charles Babbage") as charles:
            tea = charles.mutation("rooms:create", name="Tea")
            charles.mutation("messages:send", room=tea, text="It is ready, at last", key="tea")
        await ada.has_read("It is ready, at last")
        await bob.go_to("Engines")
        texts = ["I have written a first programme for the engine.", "May I see it?"]
        await ada.says(texts[0])
        await bob.sees(*texts[:1])
        await bob.says(texts[1])
        await ada.sees(*texts)

        picture = tmp_path / "note.png"
        picture.write_bytes(png(320, 240))
        await ada.page.choose_file(".composer input[type=file]", picture)
        await ada.page.wait_for("document.querySelector('.preview img')?.naturalWidth === 320")
        await ada.says("Here it is. It weaves patterns, as the loom weaves leaves.")
        await bob.page.wait_for(f"{_IMAGE}?.naturalWidth === 320")
        assert (await bob.page.evaluate(f"{_IMAGE}.src")).startswith(chat.url)
        await bob.says("Beautiful!")
        await ada.has_read("Beautiful!")
        await bob.page.type_into(_FIELD, "I wonder whether")
        await ada.has_read("Bob is typing")

        not_a_picture = tmp_path / "note.txt"
        not_a_picture.write_text("no picture")
        await keep(await ada.page.picture(), "chat-desktop")
        await keep(await bob.page.picture(), "chat-phone")
        await keep(await beside(ada.page, bob.page, await opened.page()), "chat")

        await ada.page.choose_file(".composer input[type=file]", not_a_picture)
        await ada.page.press_enter()
        await ada.has_read("This is no picture that can be shown (text/plain).")


async def test_what_one_has_begun_to_write_stays_in_its_room(chat: Server, tmp_path: Path) -> None:
    async with wire_to(chat.port) as wire, browser() as opened:
        ada = Person(await opened.page(), "Ada")
        await ada.enter(wire.url)
        await ada.create("Engines")
        await ada.create("Looms")
        await ada.page.type_into(_FIELD, "The loom weaves")
        await ada.go_to("Engines")
        assert await ada.page.evaluate(_BEGUN) == ""
        await ada.page.type_into(_FIELD, "The engine")
        await ada.go_to("Looms")
        assert await ada.page.evaluate(_BEGUN) == "The loom weaves"

        # what cannot be sent comes back where it was written, wherever its author is by then
        not_a_picture = tmp_path / "note.txt"
        not_a_picture.write_text("no picture")
        await ada.page.choose_file(".composer input[type=file]", not_a_picture)
        wire.lose_answers()
        await ada.says(" leaves")
        await ada.page.evaluate("history.back()")
        await ada.page.wait_for(f"{_TITLE} === 'Engines'")
        wire.cut()
        await ada.has_read("This is no picture that can be shown (text/plain).")
        assert await ada.page.evaluate(_BEGUN) == "The engine"
        await ada.go_to("Looms")
        await ada.page.wait_for("!!document.querySelector('.preview')")
        assert await ada.page.evaluate(_BEGUN) == "The loom weaves leaves"

        # a text outlives the page, which is loaded again here, and what was sent is not there
        await ada.go_to("Engines")
        await ada.says(" works")
        await ada.sees("The engine works")
        await ada.page.open(f"{wire.url}/?again")
        await ada.go_to("Engines")
        assert await ada.page.evaluate(_BEGUN) == ""
        await ada.go_to("Looms")
        assert await ada.page.evaluate(_BEGUN) == "The loom weaves leaves"


async def test_long_names_and_many_people_push_nothing_off_a_phone(chat: Server) -> None:
    for number in range(12):
        Caller(chat, f"Somebody {number}").close()
    async with browser() as opened:
        ada = Person(await opened.page(), "A" * 40)
        await ada.page.look_like(320, 480, is_phone=True)  # and so wide, whatever is in it
        await ada.enter(chat.url)
        await ada.create("M" * 40)
        await ada.says("word " * 40 + "x" * 200)
        wide = """[...document.querySelectorAll('body *:not(.unseen)')]
            .filter((each) => each.getBoundingClientRect().right > 321)
            .map((each) => each.className || each.tagName)"""
        assert await ada.page.evaluate(wide) == []
        await ada.page.click("[aria-label='Back to the rooms']")
        await ada.page.wait_for("!document.querySelector('.room')")
        await ada.has_read("Somebody 11")
        assert await ada.page.evaluate(wide) == []
        assert await ada.page.evaluate("document.scrollingElement.scrollHeight") == 480


async def test_whom_the_server_knows_no_more_may_sign_in_again(chat: Server) -> None:
    async with browser() as opened:
        ada = Person(await opened.page(), "Ada")
        await ada.enter(chat.url)
        await ada.create("Engines")
        chat.kill()
        for file in chat.database.parent.glob("chat.db*"):
            file.unlink()
        chat.start()
        await ada.has_read("This server does not know you as Ada.")
        await ada.page.click("button.primary")
        await ada.page.type_into("#name", "Ada")
        await ada.page.press_enter()
        await ada.has_read("Create the first room.")


class TestTokensThatEndSoon:
    @pytest.fixture
    def chat_settings(self) -> Mapping[str, str]:
        # npm's client fetches the next one ten seconds before one ends
        return {"TEST_TOKEN_S": "11"}

    async def test_a_page_fetches_new_ones_and_goes_on(self, chat: Server) -> None:
        async with browser() as opened:
            ada = Person(await opened.page(), "Ada")
            await ada.enter(chat.url)
            await ada.create("Engines")
            fetched = "performance.getEntriesByType('resource').map((each) => each.name)"
            await ada.page.wait_for(
                f"{fetched}.filter((name) => name.endsWith('/test-issuer/token')).length >= 4"
            )
            await ada.says("Still here")
            await ada.sees("Still here")
            assert ada.page.said == []


class Caller:
    """Somebody who calls functions without a page."""

    def __init__(self, chat: Server, name: str) -> None:
        self._http = httpx2.Client(base_url=chat.url)
        token = self._http.post("/test-issuer/token", json={"name": name}).json()["token"]
        self._http.headers["authorization"] = f"Bearer {token}"
        self.mutation("account:sign_in")

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Call no more."""
        self._http.close()

    def mutation(self, path: str, **args: str) -> Any:
        """What a mutation answers."""
        answer = self._http.post("/api/mutation", json={"path": path, "args": args}).json()
        assert answer["status"] == "success", answer
        return answer["value"]


async def beside(desktop: Page, phone: Page, empty: Page) -> bytes:
    """What both pages look like, in one picture, for which an empty one is used."""
    images = ""
    for page in (desktop, phone):
        picture = base64.b64encode(await page.picture()).decode()
        images += f'<img src="data:image/png;base64,{picture}">'
    style = """
        body { margin: 0; padding: 40px; display: flex; gap: 40px; background: #dcd8f0; }
        img { height: 640px; border-radius: 18px; }
    """
    await empty.look_like(1376, 720)
    await empty.evaluate(f"document.body.innerHTML = {_text(images)}")
    await empty.evaluate(f"document.head.innerHTML = {_text(f'<style>{style}</style>')}")
    await empty.wait_for("[...document.images].every((each) => each.complete)")
    return await empty.picture()


def png(width: int, height: int) -> bytes:
    """A picture with a pattern in it, as an engine weaves it."""
    thread, ground = bytes([244, 196, 92]), bytes([54, 34, 104])
    rows = b"".join(
        b"\0" + b"".join(ground if x // 5 & y // 5 else thread for x in range(width))
        for y in range(height)
    )

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _text(value: str) -> str:
    """A text as JavaScript writes it."""
    return _json(value)
