/**
 * A conversation: its messages, the answer being written, what was sent and not yet seen. Pure.
 *
 * A turn's deltas are appended in index order; one that came too early waits in `early`.
 */

export const initialChat = Object.freeze({
  phase: "closed", // closed, opening, live, failed
  mode: "agent", // agent, or person
  messages: [], // {message_id, author: {kind, name}, text, at, turn_id?, state?, error?} and {note, by?, code?, url?, at}
  turn: null, // {turn_id, attempt, text, next_index, early, steps: [{step, state, text}]}
  waiting: null, // the turn that was asked for and has not started
  outbox: [], // {command_id, text, failed, until}: the error's code, and when it may be sent again
  confirm: null, // {say, summary}: what was proposed last, and what to say to agree to it
});

export function chatReducer(state, action) {
  switch (action.type) {
    case "opening":
      return { ...state, phase: "opening" };
    case "snapshot":
      return fromSnapshot(state, action.snapshot);
    case "event":
      return REACTIONS[action.event.type]?.(state, action.event.data, action.event) ?? state;
    case "sending":
      return { ...state, outbox: [...withoutId(state.outbox, action.command_id), unsent(action)] };
    case "sent":
      return state.mode === "person" || isKnown(state, action.turn_id) ? state : { ...state, waiting: action.turn_id ?? null };
    case "not_sent":
      return { ...state, outbox: state.outbox.map((one) => (one.command_id === action.command_id ? unsent(one, action.code, action.until) : one)) };
    case "failed":
      return { ...state, phase: "failed", error: action.code };
    case "restored":
      return { ...action.state, outbox: [...action.state.outbox, ...state.outbox] };
    case "forget":
      return initialChat;
    default:
      return state;
  }
}

/** Whether this is a state that can be shown: it may come from a tab's storage. */
export function isChat(state) {
  const { phase, messages, outbox, turn } = state ?? {};
  const isSaid = (one) => typeof (one?.message_id ?? one?.command_id) === "string";
  const isTurn = turn === null || Boolean(turn?.turn_id && turn.early && Array.isArray(turn.steps));
  return phase === "live" && [messages, outbox].every((list) => Array.isArray(list) && list.every(isSaid)) && isTurn;
}

/** The id of the answer that can be stopped now, or null. */
export function stoppable(state) {
  return state.turn?.turn_id ?? state.waiting;
}

/** The summary of what can be agreed to; empty where the last answer ends with it anyway. */
export function unsaidSummary({ confirm, messages }) {
  if (!confirm || messages.at(-1)?.text?.includes(confirm.summary)) return "";
  return confirm.summary;
}

const REACTIONS = {
  "chat.message": (state, data, event) => {
    if (state.messages.some((message) => message.message_id === data.message_id)) return state;
    const sent = data.author.kind === "customer" ? state.outbox.findIndex((one) => one.text === data.text) : -1;
    return {
      ...state,
      messages: [...state.messages, { ...data, at: event.at }],
      confirm: null,
      outbox: state.outbox.filter((_, index) => index !== sent),
    };
  },
  "chat.started": (state, { turn_id, attempt = 1 }) => {
    if (state.turn?.turn_id === turn_id && attempt <= state.turn.attempt) return state;
    return { ...state, waiting: stillWaiting(state, turn_id), turn: newTurn(turn_id, attempt) };
  },
  "chat.step": (state, data) => withStep(state, data.turn_id, { step: data.step, state: data.state, text: data.text }),
  "chat.tool_called": (state, data) =>
    withStep(state, data.turn_id, { step: `call:${data.call_id}`, state: "started", text: data.summary }),
  "chat.tool_finished": (state, data) =>
    withStep(data.confirm ? { ...state, confirm: { say: data.confirm, summary: data.summary } } : state, data.turn_id, { step: `call:${data.call_id}`, state: data.ok === false ? "failed" : "done", text: data.summary }),
  "chat.tracking_started": (state, { code, tracking }, event) => noted(state, "tracking", { code, url: tracking.url }, event),
  "chat.delta": (state, { turn_id, index, text }) => {
    const turn = state.turn?.turn_id === turn_id ? state.turn : newTurn(turn_id, 1);
    if (isKnown(state, turn_id) && turn !== state.turn) return state;
    const next = withDelta(turn, index, text);
    return next === state.turn ? state : { ...state, waiting: stillWaiting(state, turn_id), turn: next };
  },
  "chat.completed": (state, data, event) => ended(state, data, event, "completed"),
  // Nobody can agree to the proposal of an answer that was cut off: its summary was not read.
  "chat.stopped": (state, data, event) => ended({ ...state, confirm: null }, data, event, "stopped"),
  "chat.failed": (state, data, event) => ended({ ...state, confirm: null }, data, event, "failed"),
  "chat.handed_over": (state, data, event) => noted({ ...state, mode: "person", waiting: null, confirm: null }, "handed_over", { by: data.by }, event),
  "chat.handed_back": (state, data, event) => noted({ ...state, mode: "agent" }, "handed_back", { by: data.by }, event),
  "chat.forgotten": (state) => ({ ...state, messages: [], turn: null, waiting: null, confirm: null }),
  // What was done though its answer was stopped.
  "notice.sent": (state, { notice_id, message }, event) => {
    if (state.messages.some((one) => one.message_id === notice_id)) return state;
    return { ...state, messages: [...state.messages, { message_id: notice_id, author: { kind: "agent" }, text: message, at: event.at }] };
  },
};

function fromSnapshot(state, snapshot) {
  const messages = snapshot?.messages ?? [];
  const turn = snapshot?.turn ?? null;
  return {
    ...state,
    phase: "live",
    mode: snapshot?.chat?.mode ?? "agent",
    messages,
    turn: turn && { ...newTurn(turn.turn_id, turn.attempt ?? 1), text: turn.text, next_index: turn.next_index, steps: turn.steps ?? [] },
    waiting: snapshot?.waiting?.at(-1) ?? null,
    confirm: snapshot?.confirm ?? null,
    outbox: state.outbox.filter((one) => one.failed || !messages.some((message) => message.text === one.text)),
  };
}

function newTurn(turn_id, attempt) {
  return { turn_id, attempt, text: "", next_index: 0, early: {}, steps: [] };
}

function withDelta(turn, index, text) {
  if (index < turn.next_index) return turn;
  const early = { ...turn.early, [index]: text };
  let { text: whole, next_index } = turn;
  for (; next_index in early; next_index++) {
    whole += early[next_index];
    delete early[next_index];
  }
  return { ...turn, text: whole, next_index, early };
}

function withStep(state, turn_id, step) {
  if (state.turn?.turn_id !== turn_id) return state;
  const known = state.turn.steps.some((one) => one.step === step.step);
  const steps = known
    ? state.turn.steps.map((one) => (one.step === step.step ? { ...step, text: step.text || one.text } : one))
    : [...state.turn.steps, step];
  return { ...state, turn: { ...state.turn, steps } };
}

function ended(state, data, event, how) {
  const { turn_id } = data;
  const open = state.turn?.turn_id === turn_id;
  const text = data.text ?? (open ? state.turn.text : "");
  const answer = { message_id: turn_id, turn_id, author: { kind: "agent" }, text, at: event.at, state: how, error: data.error };
  return {
    ...state,
    turn: open ? null : state.turn,
    waiting: stillWaiting(state, turn_id),
    messages: isKnown(state, turn_id) && !open ? state.messages : [...state.messages, answer],
  };
}

function noted(state, note, data, event) {
  const message_id = `${note}:${event.offset ?? event.at}`;
  if (state.messages.some((message) => message.message_id === message_id)) return state;
  return { ...state, messages: [...state.messages, { message_id, note, ...data, at: event.at }] };
}

/** The turn waited for, unless it is this one that has begun or ended. */
function stillWaiting(state, turn_id) {
  return state.waiting === turn_id ? null : state.waiting;
}

/** Whether a turn has begun or ended already: its start must not be waited for. */
function isKnown(state, turn_id) {
  const answered = (message) => message.turn_id === turn_id && message.author?.kind === "agent";
  return state.turn?.turn_id === turn_id || state.messages.some(answered);
}

function unsent({ command_id, text }, failed = null, until = null) {
  return { command_id, text, failed, until };
}

function withoutId(outbox, command_id) {
  return outbox.filter((one) => one.command_id !== command_id);
}
