/** One order, followed by whoever has its link. */

import { io } from "../../vendor/socket.io.esm.min.js";
import { followOrder } from "../follow.js";
import { leaveWithPerson } from "../person.js";
import { at, pathOfPage } from "../root.js";
import { createStore } from "../state/store.js";
import { initialTracking, trackingReducer } from "../state/tracking.js";
import { mountChat } from "../ui/chat-view.js";
import { mountConnection } from "../ui/connection.js";
import { $, h, icon, replace } from "../ui/dom.js";
import { onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { mountNotMe } from "../ui/not-me.js";
import { mountNotifyMe } from "../ui/notify-me.js";
import { historyOf, itemsOf } from "../ui/order-details.js";
import { mountParts } from "../ui/parts.js";
import { mountProgress } from "../ui/progress.js";
import { mountPromoBanner } from "../ui/promo-banner.js";
import { Hub } from "../wire/hub.js";

const token = pathOfPage().split("/")[2] ?? "";
const hub = new Hub({ io }); // connects while the texts are on their way
const tracking = createStore(trackingReducer, initialTracking);
const leave = () => location.replace(at("/")); // whose link this is, is no business of whoever comes next

await startLang();

mountParts({
  lang: () => mountLangSwitch($("[data-test=lang-switch]")),
  connection: () => mountConnection(hub),
  order: () => {
    mountProgress($("#progress"), tracking);
    mountNotifyMe($("#notify-me"), { tracking, token: () => token });
    tracking.watch(draw);
    onLang(draw);
    followOrder(hub, token, tracking);
  },
  promos: () => mountPromoBanner(hub, $("#promo")),
  chat: () => mountChat({
    hub,
    opener: $("[data-test=chat-open]"),
    below: [$("#below")],
    orderToken: () => (tracking.state.phase === "live" ? token : null),
  }),
  person: () => mountNotMe(document.querySelectorAll(".not-me"), { tracking, leave }),
});
leaveWithPerson(leave);
document.documentElement.dataset.booted = "true"; // boot.js has nothing to say

function draw() {
  const { state } = tracking;
  const { order, phase } = state;
  $("#loading").hidden = phase !== "loading";
  $("#missing").hidden = phase !== "missing";
  $("#found").hidden = phase !== "live";
  if (phase !== "live") return;
  document.title = `${t(`step.${order.delivery.kind}.${order.status}`)} · ${order.code} · Doña Carmen`;
  $("#order-title").textContent = t("track.title", { code: order.code, name: order.customer.name });
  replace($("#items"), itemsOf(order));
  replace($("#history"), historyOf(state));
  const home = order.delivery.kind === "delivery";
  replace($("#where"), icon("icons", home ? "home" : "bag"), h("span", {}, home ? order.delivery.address : t("track.pickup")));
}
