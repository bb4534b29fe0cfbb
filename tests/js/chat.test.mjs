import assert from "node:assert/strict";
import { test } from "node:test";
import { chatReducer, initialChat, stoppable, unsaidSummary } from "../../static/js/state/chat.js";

const live = chatReducer(initialChat, { type: "snapshot", snapshot: { chat: { id: "c", mode: "agent" }, messages: [], turn: null } });
const on = (state, type, data, offset = 1) => chatReducer(state, { type: "event", event: { type, offset, at: "2026-11-20T21:00:00.000Z", data } });
const delta = (state, index, text, turn_id = "t1") => on(state, "chat.delta", { turn_id, index, text });
const started = on(live, "chat.started", { turn_id: "t1", attempt: 1, model: "m" });

test("deltas are appended in index order, whatever order they come in, each once", () => {
  let state = delta(started, 0, "Tu ");
  state = delta(state, 2, "va");
  assert.equal(state.turn.text, "Tu ");
  state = delta(state, 1, "pedido ");
  state = delta(state, 1, "pedido ");
  assert.equal(state.turn.text, "Tu pedido va");
});

test("a second attempt discards the partial text; an older one does nothing", () => {
  let state = delta(started, 0, "Mal");
  state = on(state, "chat.started", { turn_id: "t1", attempt: 2, model: "m" });
  assert.equal(state.turn.text, "");
  state = delta(state, 0, "Bien");
  assert.equal(on(state, "chat.started", { turn_id: "t1", attempt: 1, model: "m" }).turn.text, "Bien");
});

test("a snapshot in mid-answer goes on where it was", () => {
  const state = chatReducer(initialChat, { type: "snapshot", snapshot: { chat: { id: "c", mode: "agent" }, messages: [], turn: { turn_id: "t1", text: "Hola, ", next_index: 3, steps: [] } } });
  assert.equal(delta(delta(state, 2, "otra vez"), 3, "Ana").turn.text, "Hola, Ana");
});

test("a completed answer is the whole text, once", () => {
  let state = on(delta(started, 0, "Ho"), "chat.completed", { turn_id: "t1", text: "Hola", usage: {} });
  state = on(state, "chat.completed", { turn_id: "t1", text: "Hola", usage: {} });
  assert.equal(state.turn, null);
  assert.deepEqual(state.messages.map((one) => [one.text, one.state]), [["Hola", "completed"]]);
});

test("a stopped or failed answer keeps what was written", () => {
  assert.equal(on(delta(started, 0, "Ho"), "chat.stopped", { turn_id: "t1", text: "Ho", by: "customer" }).messages[0].state, "stopped");
  const failed = on(delta(started, 0, "Ho"), "chat.failed", { turn_id: "t1", text: "Ho", error: { code: "unavailable", message: "", retryable: true } });
  assert.equal(failed.messages[0].state, "failed");
  assert.equal(failed.messages[0].text, "Ho");
});

test("what was done though its answer was stopped is a message, once", () => {
  const told = { notice_id: "n1", message: "Alcanzó a hacerse antes de parar: pedido K3Q9.", level: "warning" };
  const state = on(on(live, "notice.sent", told), "notice.sent", told);
  assert.deepEqual(state.messages.map((one) => [one.author.kind, one.text]), [["agent", told.message]]);
});

test("late deltas of an answer that has ended change nothing", () => {
  const state = on(delta(started, 0, "Ho"), "chat.completed", { turn_id: "t1", text: "Hola", usage: {} });
  assert.equal(delta(state, 1, "la"), state);
});

test("tools and steps show once each, with their latest state", () => {
  let state = on(started, "chat.tool_called", { turn_id: "t1", call_id: "k", tool: "find", summary: "Buscando" });
  state = on(state, "chat.tool_finished", { turn_id: "t1", call_id: "k", tool: "find", summary: "Encontrado", ok: true });
  state = on(state, "chat.step", { turn_id: "t1", step: "s", state: "started", text: "Mirando" });
  assert.deepEqual(state.turn.steps.map((one) => [one.text, one.state]), [["Encontrado", "done"], ["Mirando", "started"]]);
});

test("what is proposed can be agreed to until something else is said", () => {
  const finished = { turn_id: "t1", call_id: "k", tool: "place_order", summary: "2 × Gringa", ok: true };
  let state = on(started, "chat.tool_finished", { ...finished, confirm: "Confirmar K3Q9" });
  const offered = { say: "Confirmar K3Q9", summary: "2 × Gringa" };
  assert.deepEqual(on(state, "chat.tool_finished", finished).confirm, offered);
  state = on(state, "chat.completed", { turn_id: "t1", text: "¿Lo confirmo?", usage: {} });
  assert.deepEqual(state.confirm, offered);
  const said = { message_id: "m9", author: { kind: "customer", name: "" }, text: "mejor no" };
  assert.equal(on(state, "chat.message", said).confirm, null);
  assert.equal(on(state, "chat.handed_over", { by: "Sole", reason: "" }).confirm, null);
});

test("what an answer that was cut off has proposed cannot be agreed to", () => {
  const finished = { turn_id: "t1", call_id: "k", tool: "place_order", summary: "2 × Gringa", ok: true, confirm: "Confirmar K3Q9" };
  const state = on(started, "chat.tool_finished", finished);
  assert.equal(on(state, "chat.stopped", { turn_id: "t1", text: "Son $44", by: "customer" }).confirm, null);
  assert.equal(on(state, "chat.failed", { turn_id: "t1", text: "Son $44", error: { code: "internal" } }).confirm, null);
});

test("the summary stands once on the page: in the answer, else beside the button", () => {
  const confirm = { say: "Confirmar K3Q9", summary: "Tu pedido sería: 2 × Gringa. Total: $130.00" };
  const answer = (text) => ({ message_id: "t1", turn_id: "t1", author: { kind: "agent" }, text });
  assert.equal(unsaidSummary({ confirm, messages: [answer(`¡Va!\n\n${confirm.summary}. ¿Lo confirmo?`)] }), "");
  assert.equal(unsaidSummary({ confirm, messages: [answer("Son $44. ¿Va?")] }), confirm.summary);
  assert.equal(unsaidSummary({ confirm: null, messages: [] }), "");
});

test("what was sent is shown until the hub says it back, and no longer", () => {
  let state = chatReducer(live, { type: "sending", command_id: "a", text: "Hola" });
  assert.equal(state.outbox.length, 1);
  state = on(state, "chat.message", { message_id: "m1", author: { kind: "customer", name: "" }, text: "Hola" });
  assert.equal(state.outbox.length, 0);
  assert.equal(state.messages.length, 1);
  state = on(state, "chat.message", { message_id: "m1", author: { kind: "customer", name: "" }, text: "Hola" });
  assert.equal(state.messages.length, 1);
});

test("a message that could not be sent stays, and is sent again under the same id", () => {
  let state = chatReducer(live, { type: "sending", command_id: "a", text: "Hola" });
  state = chatReducer(state, { type: "not_sent", command_id: "a", code: "lost" });
  assert.equal(state.outbox[0].failed, "lost");
  state = chatReducer(state, { type: "sending", command_id: "a", text: "Hola" });
  assert.deepEqual(state.outbox, [{ command_id: "a", text: "Hola", failed: null, until: null }]);
});

test("an answer can be stopped from the moment it was asked for until it ends", () => {
  let state = chatReducer(live, { type: "sent", turn_id: "t1" });
  assert.equal(stoppable(state), "t1");
  state = on(state, "chat.started", { turn_id: "t1", attempt: 1, model: "m" });
  assert.equal(stoppable(state), "t1");
  state = on(state, "chat.completed", { turn_id: "t1", text: "x", usage: {} });
  assert.equal(stoppable(state), null);
  assert.equal(stoppable(chatReducer(state, { type: "sent", turn_id: "t1" })), null);
});

test("a question behind another keeps waiting when the first one's answer begins", () => {
  const state = on(chatReducer(live, { type: "sent", turn_id: "t2" }), "chat.started", { turn_id: "t1", attempt: 1, model: "m" });
  assert.equal(state.waiting, "t2");
});

test("while a person answers no agent is waited for", () => {
  const state = on(live, "chat.handed_over", { by: "Carmen", reason: "" });
  assert.equal(state.mode, "person");
  assert.equal(stoppable(chatReducer(state, { type: "sent", turn_id: "t9" })), null);
});

test("what the hub says waits for a yes can be confirmed on a page that comes later", () => {
  const confirm = { say: "Confirmar K3Q9", summary: "Por confirmar: 2 × Gringa" };
  const snapshot = { chat: { id: "c", mode: "agent" }, messages: [], turn: null };
  const state = chatReducer(initialChat, { type: "snapshot", snapshot: { ...snapshot, confirm } });
  assert.deepEqual(state.confirm, confirm);
  assert.equal(chatReducer(state, { type: "snapshot", snapshot }).confirm, null);
});

test("a question that no agent has begun with can be stopped after a reload as well", () => {
  const snapshot = { chat: { id: "c", mode: "agent" }, messages: [], turn: null, waiting: ["t1", "t2"] };
  const state = chatReducer(initialChat, { type: "snapshot", snapshot });
  assert.equal(stoppable(state), "t2");
});

test("what one tab has forgotten no other shows any more", () => {
  const said = on(live, "chat.message", { message_id: "m1", author: { kind: "customer", name: "Ana" }, text: "hola" });
  const state = on({ ...said, confirm: { say: "Confirmar", summary: "" } }, "chat.forgotten", { by: "Ana" }, 2);
  assert.deepEqual([state.phase, state.messages, state.turn, state.confirm], ["live", [], null, null]);
});

test("an order that the chat begins to follow is noted with its link, each time once", () => {
  const data = { turn_id: "t1", order_id: "PED1", code: "K3Q9", tracking: { url: "/t/PED1.mac", token: "PED1.mac" } };
  const state = on(on(live, "chat.tracking_started", data, 4), "chat.tracking_started", data, 4);
  assert.deepEqual(state.messages.map(({ note, code, url }) => [note, code, url]), [["tracking", "K3Q9", "/t/PED1.mac"]]);
});
