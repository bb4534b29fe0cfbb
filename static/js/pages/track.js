/** One order, followed by whoever has its link. */

import { io } from "/static/vendor/socket.io.esm.min.js";
import { followOrder } from "../follow.js";
import { createStore } from "../state/store.js";
import { initialTracking, trackingReducer } from "../state/tracking.js";
import { mountChat } from "../ui/chat-view.js";
import { mountConnection } from "../ui/connection.js";
import { $, h, icon, replace } from "../ui/dom.js";
import { onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { historyOf, itemsOf } from "../ui/order-details.js";
import { mountProgress } from "../ui/progress.js";
import { mountPromoBanner } from "../ui/promo-banner.js";
import { Hub } from "../wire/hub.js";

await startLang();

const token = location.pathname.split("/")[2] ?? "";
const hub = new Hub({ io });
const tracking = createStore(trackingReducer, initialTracking);

mountLangSwitch($("[data-test=lang-switch]"));
mountConnection(hub);
mountPromoBanner(hub, $("#promo"));
mountProgress($("#progress"), tracking);
mountChat({
  hub,
  opener: $("[data-test=chat-open]"),
  below: [$("#below")],
  orderToken: () => (tracking.state.phase === "live" ? token : null),
});
tracking.watch(draw);
onLang(draw);
followOrder(hub, token, tracking);
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
