/** "Tell me when it is ready": asks at the moment when it means something, and says what this device needs for it. */

import { keep, kept } from "../keep.js";
import { hasEnded } from "../state/order.js";
import { pushAbility, pushKey, tellNoMore, tellThisDevice } from "../wire/push.js";
import { h, icon, replace } from "./dom.js";
import { currentLang, onLang, t } from "./i18n.js";
import { toast, toastError } from "./toast.js";

const KEY = "told"; // the token of the order that this device is told of
const isToken = (found) => typeof found === "string";

/**
 * @param {HTMLElement} host
 * @param {{tracking: object, token: () => string | undefined}} page token: of the order that the page shows.
 */
export function mountNotifyMe(host, { tracking, token }) {
  let key = null; // until the hub has said that it pushes anything
  let isAsked = false; // whether it does: a visit without an order need not know
  let isBusy = false;

  const draw = () => {
    const { order } = tracking.state;
    const isWanted = Boolean(order && token() && !hasEnded(order));
    if (isWanted) ask();
    const isShown = isWanted && Boolean(key);
    host.hidden = !isShown;
    if (isShown) replace(host, parts());
  };
  const ask = () => {
    if (isAsked) return;
    isAsked = true;
    pushKey().then((found) => {
      key = found;
      draw();
    }, () => {}); // without a line there is nothing to ask for; the next visit asks again
  };
  const parts = () => {
    const ability = pushAbility();
    if (ability === "unable") return [];
    if (ability !== "able") return [h("p", { class: "notify-hint", dataset: { test: "notify-hint" } }, t(`notify.${ability}`))];
    const isOn = kept(KEY, isToken) === token();
    return [h("button", {
      type: "button", class: "button quiet notify-me", disabled: isBusy, "aria-pressed": String(isOn),
      dataset: { test: "notify-me" }, on: { click: () => (isOn ? end() : begin()) },
    }, icon("icons", "bell"), h("span", {}, t(isOn ? "notify.on" : "notify.ask")))];
  };
  const begin = () => run(async () => {
    const asked = token();
    if (!(await tellThisDevice({ key, token: asked, lang: currentLang() }))) return toast(t("notify.refused"), "bad");
    keep(KEY, asked);
    return toast(t("notify.thanks"), "good");
  });
  const end = () => run(async () => {
    await tellNoMore({ token: token() });
    keep(KEY, null);
  });
  const run = async (work) => {
    isBusy = true;
    draw();
    try {
      await work();
    } catch (error) {
      if (error.code) toastError(error);
      else toast(t("notify.failed"), "bad"); // the browser's own push service could not be reached
    } finally {
      isBusy = false;
      draw();
    }
  };

  tracking.watch(draw);
  onLang(draw);
  draw();
}
