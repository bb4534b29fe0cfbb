"""The chat, as its customer and the staff see it: words that stream, stops, tabs that agree, people who take over."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.line import Line
from tests.browser.people import online, reads, see, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]
LONG = "¿Qué hay en el menú?"
ANSWERED = '[data-test="message-agent"][data-state="completed"]'
STOPPED = '[data-test="message-agent"][data-state="stopped"]'
# A command of staff, as a page of theirs would give it; so far there is none.
COMMAND = """async ([token, command, data]) => {
  const { io } = await import("/static/vendor/socket.io.esm.min.js");
  const socket = io({ transports: ["websocket"], auth: { token }, forceNew: true });
  const answer = await socket.timeout(10000).emitWithAck(command, data);
  socket.close();
  return answer;
}"""
EVIL = "<img src=x onerror='window.hacked=1'><b>x</b> <script>window.hacked=2</script> **n** [z](javascript:alert(1))"


@pytest.fixture(scope="module")
def with_agent() -> bool:
    return True


@pytest.fixture(scope="module", autouse=True)
def agent(hub: Hub) -> None:
    hub.wait_for_agent()


def chatting(page: Any, url: str) -> Any:
    """A page with its chat open."""
    page.goto(f"{url}/")
    online(page)
    tap(page, "chat-open")
    see(page, '[data-test="chat-input"]')
    return page


def ask(page: Any, text: str) -> None:
    write(page, "chat-input", text)
    tap(page, "chat-send")


def streaming(page: Any) -> str:
    """Wait until there are words of an answer; those so far."""
    text: str = see(page, '[data-test="chat-stream"]:not(:empty)').inner_text()
    return text


def hears(page: Any, words: str) -> None:
    """Wait until these words are in the chat, in an answer under way or one that is over."""
    page.wait_for_function(
        "words => document.querySelector('[data-test=chat-log]').textContent.includes(words)", arg=words, timeout=15_000
    )


def bubbles(page: Any) -> list[str]:
    """All that was said, as one reads it; not the time of day, which another page may write otherwise."""
    said: list[str] = page.locator(".bubbles .bubble > p, .bubbles .chat-note").all_text_contents()
    return said


def agree(one: Any, other: Any, count: int) -> list[str]:
    """Wait until both pages show so much that was said, and it is the same."""
    for page in (one, other):
        page.wait_for_function("n => document.querySelectorAll('.bubbles > *').length >= n", arg=count, timeout=15_000)
    assert bubbles(one) == bubbles(other)
    return bubbles(one)


class Staff:
    """Somebody of the taquería, at the hub's commands."""

    def __init__(self, page: Any, hub: Hub) -> None:
        page.goto(f"{hub.url}/login")
        answer = page.request.post(f"{hub.url}/api/login", data={"name": "Carmen", "pin": hub.pin}).json()
        self._page, self._token = page, answer["data"]["token"]

    def says(self, command: str, **data: Any) -> None:
        answer = self._page.evaluate(COMMAND, [self._token, command, data])
        assert answer["ok"], answer


def chat_of(page: Any) -> str:
    chat_id: str = json.loads(page.evaluate("() => localStorage.getItem('comanda.chat')"))["chat_id"]
    return chat_id


def test_a_reload_while_the_answer_streams_shows_its_words_at_once_and_two_tabs_agree(hub: Hub, window: Window) -> None:
    page = chatting(window(DESK), hub.url)
    ask(page, "Gracias")
    see(page, ANSWERED)
    other = chatting(page.context.new_page(), hub.url)  # the same customer's
    agree(page, other, 2)
    ask(page, LONG)
    written = streaming(page)
    page.reload()  # at once: the answer takes seconds, and a busy machine takes as many to open a page
    hears(other, written)
    online(page)
    tap(page, "chat-open")
    hears(page, written)
    said = agree(page, other, 4)[2:]
    assert said[0] == LONG
    assert said[1].startswith(written)
    page.locator(ANSWERED).nth(1).wait_for(timeout=15_000)
    assert page.locator(ANSWERED).count() == 2
    answer = page.request.get(f"{hub.url}/api/menu").json()["data"]["items"]
    assert all(said[1].count(dish["name"]) >= 1 for dish in answer if dish["available"])


def test_a_reload_in_mid_answer_shows_what_was_written_and_says_that_it_is_catching_up(
    hub: Hub, window: Window, shot: Shot
) -> None:
    customer = window(PHONE)
    with Line(hub.port) as line:
        customer.goto(line.url)
        online(customer)
        tap(customer, "chat-open")
        see(customer, '[data-test="chat-input"]')
        line.hold(b'"chat.completed"')
        write(customer, "chat-input", "¿Qué hay en el menú?")
        tap(customer, "chat-send")
        written = see(customer, '[data-test="chat-stream"]:not(:empty)').inner_text()
        line.hold(b'"recovered":')  # the answer to a join
        customer.reload()
        see(customer, '[data-test="connection"][data-state="catching_up"]')
        reads(customer, '[data-test="connection-band"]', "al día")
        shot(customer, "catching-up-phone")
        tap(customer, "chat-open")
        reads(customer, '[data-test="chat-stream"]', written)
        shot(customer, "catching-up-chat")
        customer.set_viewport_size(DESK)
        shot(customer, "catching-up")
        line.release()
        online(customer)
        answer = see(customer, '[data-test="message-agent"][data-state="completed"]').inner_text()
        assert answer.startswith(written)
        assert customer.locator('[data-test="message-agent"]').count() == 1
        assert customer.locator('[data-test="message-customer"]').count() == 1
        customer.close()


def test_a_stop_keeps_the_words_in_every_tab_and_the_next_question_is_answered(hub: Hub, window: Window) -> None:
    page = chatting(window(PHONE), hub.url)
    ask(page, LONG)
    other = chatting(page.context.new_page(), hub.url)
    written = streaming(page)
    tap(page, "chat-stop")
    kept = see(page, STOPPED + " > p").text_content()
    assert kept.startswith(written)
    assert "Respuesta detenida" in see(page, STOPPED).inner_text()
    assert agree(page, other, 2) == [LONG, kept]
    ask(other, "gracias")
    see(page, ANSWERED)
    assert agree(page, other, 4)[:2] == [LONG, kept]


def test_what_one_tab_forgets_none_shows_any_more(hub: Hub, window: Window) -> None:
    page = chatting(window(PHONE), hub.url)
    ask(page, "gracias")
    see(page, ANSWERED)
    other = chatting(page.context.new_page(), hub.url)
    agree(page, other, 2)
    page.on("dialog", lambda dialog: dialog.accept())
    tap(page, "chat-forget")
    for tab in (page, other):
        tab.wait_for_function("() => document.querySelectorAll('.bubbles > *').length === 0", timeout=15_000)
    other.reload()
    online(other)
    tap(other, "chat-open")
    ask(other, "hola")
    see(other, ANSWERED)
    assert len(agree(page, other, 2)) == 2


def test_a_member_of_staff_takes_over_in_mid_answer_and_hands_back(hub: Hub, window: Window) -> None:
    page = chatting(window(PHONE), hub.url)
    staff = Staff(window(DESK), hub)
    ask(page, LONG)
    written = streaming(page)
    chat_id = chat_of(page)
    staff.says("chat.take_over", chat_id=chat_id)
    assert see(page, STOPPED + " > p").text_content().startswith(written)
    see(page, '.chat-note:has-text("Ahora te atiende una persona")')
    assert "Te atiende una persona" in see(page, ".chat-mode").inner_text()
    ask(page, "¿hola?")
    see(page, '[data-test="message-customer"]:has-text("¿hola?")')
    staff.says("chat.reply", chat_id=chat_id, text="Soy Carmen, dígame")
    assert "Carmen" in see(page, '[data-test="message-staff"]').inner_text()
    assert page.locator('[data-test="chat-stop"]:visible').count() == 0
    page.reload()
    online(page)
    tap(page, "chat-open")
    see(page, '[data-test="message-staff"]')
    assert "Te atiende una persona" in see(page, ".chat-mode").inner_text()
    staff.says("chat.hand_back", chat_id=chat_id)
    see(page, '.chat-note:has-text("El asistente vuelve")')
    ask(page, "gracias")
    see(page, ANSWERED)


def test_markup_is_text_whoever_writes_it_and_nothing_of_it_is_run(hub: Hub, window: Window) -> None:
    page = chatting(window(PHONE), hub.url)
    staff = Staff(window(DESK), hub)
    ask(page, EVIL)
    see(page, ANSWERED)
    staff.says("chat.take_over", chat_id=chat_of(page))
    staff.says("chat.reply", chat_id=chat_of(page), text=EVIL)
    see(page, '[data-test="message-staff"]')

    def check() -> None:
        for kind, text in (("customer", EVIL), ("staff", EVIL.replace("**", ""))):
            assert page.locator(f'[data-test="message-{kind}"] > p').text_content() == text
        log = page.locator('[data-test="chat-log"]')
        assert log.locator("img, script, b, a").count() == 0
        assert page.evaluate("() => window.hacked") is None

    check()
    page.reload()
    online(page)
    tap(page, "chat-open")
    see(page, '[data-test="message-staff"]')
    check()


def test_a_hub_killed_in_mid_answer_comes_back_with_the_answer_whole_and_once(hub: Hub, window: Window) -> None:
    page = chatting(window(PHONE), hub.url)
    ask(page, LONG)
    streaming(page)
    hub.process.kill()
    hub.restart()
    hub.wait_for_agent()
    see(page, ANSWERED)
    online(page)
    page.reload()
    online(page)
    tap(page, "chat-open")
    see(page, ANSWERED)
    assert [text.count("Taco al pastor") for text in bubbles(page)] == [0, 1]
