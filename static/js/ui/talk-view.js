/** One conversation, as the person who answers in it sees it: read along, take over, answer, hand back. */

import { newId } from "../ids.js";
import { chatReducer, initialChat } from "../state/chat.js";
import { createStore } from "../state/store.js";
import { bubble } from "./chat-bubble.js";
import { drawTurn } from "./chat-turn.js";
import { $, forgetKeyed, h, keyed, replace } from "./dom.js";
import { onLang, t } from "./i18n.js";
import { titleOf } from "./inbox-view.js";
import { toast, toastError } from "./toast.js";
import { whileBusy } from "./wait.js";

/**
 * @param {{host: HTMLElement, hub: object, onChanged: () => void, onError: (error: object) => void}} parts
 *   onChanged: the list of chats is another one now.
 * @returns {{show: (chat_id: string | null) => void, describe: (chat: object | null) => void}}
 */
export function mountTalk({ host, hub, onChanged, onError }) {
  const store = createStore(chatReducer, initialChat);
  const part = (test) => $(`[data-test=${test}]`, host);
  const [log, text, send, takeOver, handBack] = ["chat-log", "reply-text", "reply-send", "take-over", "hand-back"].map(part);
  const [list, working] = [$(".bubbles", host), $(".working", host)];
  let shown = { chat_id: null, leave: null };
  let known = null; // what the list says of it
  let draft = null; // {text, command_id}: a try that was not answered is repeated under its id

  const command = (name, payload = {}) => hub.command(name, { chat_id: shown.chat_id, ...payload }).then(onChanged, toastError);
  takeOver.addEventListener("click", () => whileBusy(takeOver, () => command("chat.take_over")).then(() => text.focus()));
  handBack.addEventListener("click", () => whileBusy(handBack, () => command("chat.hand_back")));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("form", host).requestSubmit();
    }
  });
  $("form", host).addEventListener("submit", (event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (said) whileBusy(send, () => reply(said));
  });

  const reply = async (said) => {
    if (draft?.text !== said) draft = { text: said, command_id: newId() };
    const { chat_id } = shown;
    try {
      const { goes_as } = await hub.command("chat.reply", { chat_id, ...draft });
      onChanged();
      if (goes_as === "template") toast(t("support.goes_as_template"));
      if (shown.chat_id !== chat_id) return; // what stands there now is for somebody else
      draft = null;
      text.value = "";
    } catch (error) {
      toastError(error); // the words stay where they are
    }
  };

  const draw = (state) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    const isMine = state.mode === "person";
    keyed(list, state.messages, (one) => one.message_id, (one) => bubble(one, null));
    drawTurn(working, state);
    takeOver.hidden = isMine || state.phase !== "live";
    handBack.hidden = !isMine;
    text.disabled = send.disabled = !isMine;
    part("talk-mode").textContent = t(isMine ? "support.mode_person" : "support.mode_agent");
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  const describe = (chat) => {
    known = chat;
    part("talk-title").textContent = chat ? titleOf(chat) : t("support.customer");
    replace(part("talk-orders"), (chat?.orders ?? []).map((order) =>
      h("li", { dataset: { status: order.status } }, `${order.code}: ${t(`step.delivery.${order.status}`)}`)));
  };
  const show = (chat_id) => {
    if (chat_id === shown.chat_id) return;
    shown.leave?.();
    shown = { chat_id, leave: null };
    draft = null;
    text.value = "";
    store.dispatch({ type: "forget" });
    $(".talk-open", host).hidden = !chat_id;
    part("talk-none").hidden = Boolean(chat_id);
    if (!chat_id) return;
    shown.leave = hub.room(`chat:${chat_id}`, {
      onSnapshot: (snapshot) => store.dispatch({ type: "snapshot", snapshot }),
      onEvent: (event) => {
        store.dispatch({ type: "event", event });
        if (event.type === "chat.message" || event.type.startsWith("chat.handed")) onChanged();
      },
      onError,
    });
    log.scrollTop = log.scrollHeight;
  };
  store.watch(draw);
  onLang(() => {
    forgetKeyed(list);
    describe(known);
    draw(store.state);
  });
  return { show, describe };
}
