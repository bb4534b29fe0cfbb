/** The chats that staff look after, as the hub lists them, and the one that is open. Pure. */

export const initialInbox = Object.freeze({ chats: [], open: null });

export function inboxReducer(state, action) {
  switch (action.type) {
    case "listed":
      return { ...state, chats: keepingSame(state.chats, action.chats.filter((chat) => !chat.staff)) };
    case "open":
      return { ...state, open: action.chat_id };
    default:
      return state;
  }
}

/** Those in which a person answers: the ones whose customer waits for an answer first, the longest wait first. */
export function waiting({ chats }) {
  const attended = chats.filter((chat) => chat.mode === "person");
  const unanswered = attended.filter(isUnanswered).sort((one, other) => (one.last.at < other.last.at ? -1 : 1));
  return [...unanswered, ...attended.filter((chat) => !isUnanswered(chat))];
}

export function withAgent({ chats }) {
  return chats.filter((chat) => chat.mode !== "person");
}

/** Whether the last word in it is the customer's, or the agent's that a person will come. */
export function isUnanswered(chat) {
  return chat.mode === "person" && chat.last !== null && chat.last.kind !== "staff";
}

export function openChat({ chats, open }) {
  return chats.find((chat) => chat.chat_id === open) ?? null;
}

/** The new list; a chat about which nothing changed stays the same object. */
function keepingSame(before, after) {
  const known = new Map(before.map((chat) => [chat.chat_id, chat]));
  return after.map((chat) => {
    const old = known.get(chat.chat_id);
    return old && JSON.stringify(old) === JSON.stringify(chat) ? old : chat;
  });
}
