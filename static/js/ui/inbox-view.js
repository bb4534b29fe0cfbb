/** The list of chats that staff look after. */

import { isUnanswered, waiting, withAgent } from "../state/inbox.js";
import { $, forgetKeyed, h, keyed } from "./dom.js";
import { clockTime, onLang, t } from "./i18n.js";
import { beforeSliding } from "./tap-guard.js";

/** @param {{host: HTMLElement, inbox: object, onOpen: (chat_id: string) => void}} parts */
export function mountInbox({ host, inbox, onOpen }) {
  const [attended, others] = [$("#waiting", host), $("#others", host)];
  const entry = (chat) => h("li", { dataset: { slides: chat.chat_id } }, h("button", {
    class: `inbox-entry${isUnanswered(chat) ? " unanswered" : ""}`, type: "button",
    dataset: { test: `chat-${chat.chat_id}` }, on: { click: () => onOpen(chat.chat_id) },
  }, h("b", {}, titleOf(chat)), chat.last ? h("time", { dateTime: chat.last.at }, clockTime(chat.last.at)) : null,
  h("span", {}, chat.last?.text ?? "")));
  const draw = () => {
    const { state } = inbox;
    beforeSliding(host);
    keyed(attended, waiting(state), (chat) => chat.chat_id, entry);
    keyed(others, withAgent(state), (chat) => chat.chat_id, entry);
    $("[data-test=inbox-nobody]", host).hidden = waiting(state).length > 0;
    for (const button of host.querySelectorAll(".inbox-entry")) {
      button.setAttribute("aria-current", String(button.dataset.test === `chat-${state.open}`));
    }
  };
  inbox.watch(draw);
  onLang(() => {
    forgetKeyed(attended);
    forgetKeyed(others);
    draw();
  });
  draw();
}

/** Who it is, as well as is known: a name, an order's number. */
export function titleOf({ customer, orders }) {
  const order = orders.at(-1);
  const name = customer || t("support.customer");
  return order ? `${name} · ${order.code}` : name;
}
