import assert from "node:assert/strict";
import { test } from "node:test";
import { inboxReducer, initialInbox, isUnanswered, openChat, waiting, withAgent } from "../../static/js/state/inbox.js";

const chat = (chat_id, mode, kind, at, more = {}) => ({ chat_id, mode, staff: false, last: kind && { kind, text: "…", at }, ...more });
const listed = (...chats) => inboxReducer(initialInbox, { type: "listed", chats });
const ids = (chats) => chats.map((one) => one.chat_id);

test("who waits longest for a person comes first, and those that have their answer last", () => {
  const state = listed(
    chat("new", "person", "customer", "2026-11-20T21:09:00.000Z"),
    chat("told", "person", "staff", "2026-11-20T21:08:00.000Z"),
    chat("old", "person", "agent", "2026-11-20T21:01:00.000Z"),
    chat("bot", "agent", "agent", "2026-11-20T21:10:00.000Z"),
  );
  assert.deepEqual(ids(waiting(state)), ["old", "new", "told"]);
  assert.deepEqual(ids(withAgent(state)), ["bot"]);
});

test("a chat waits for nobody while the agent answers, or before a word was said", () => {
  assert.equal(isUnanswered(chat("a", "agent", "customer", "x")), false);
  assert.equal(isUnanswered(chat("a", "person", null)), false);
  assert.equal(isUnanswered(chat("a", "person", "customer", "x")), true);
});

test("what staff ask the agent themselves is not in their list", () => {
  assert.deepEqual(listed(chat("own", "agent", "staff", "x", { staff: true })).chats, []);
});

test("a chat about which nothing changed stays the same object", () => {
  const first = listed(chat("a", "agent", "customer", "1"), chat("b", "agent", "customer", "1"));
  const next = inboxReducer(first, { type: "listed", chats: [chat("a", "agent", "customer", "1"), chat("b", "person", "customer", "2")] });
  assert.equal(next.chats[0], first.chats[0]);
  assert.notEqual(next.chats[1], first.chats[1]);
  assert.equal(openChat(inboxReducer(next, { type: "open", chat_id: "b" })).mode, "person");
  assert.equal(openChat(next), null);
});
