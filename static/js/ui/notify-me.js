/** "Tell me when it is ready": asks at the moment when it means something. */

import { keep, kept } from "../keep.js";
import { hasEnded } from "../state/order.js";
import { tellNoMore, tellThisDevice } from "../wire/push.js";
import { currentLang } from "./i18n.js";
import { mountPushButton } from "./push-button.js";

const KEY = "told"; // the token of the order that this device is told of
const isToken = (found) => typeof found === "string";

/**
 * @param {HTMLElement} host
 * @param {{tracking: object, token: () => string | undefined}} page token: of the order that the page shows.
 */
export function mountNotifyMe(host, { tracking, token }) {
  const draw = mountPushButton(host, {
    name: "notify",
    hints: ["refused", "home_screen"],
    isOffered: () => true,
    isWanted: () => Boolean(tracking.state.order && token() && !hasEnded(tracking.state.order)),
    isOn: () => kept(KEY, isToken) === token(),
    begin: async ({ key }) => {
      const asked = token();
      const endpoint = await tellThisDevice({ key, token: asked, lang: currentLang() });
      if (endpoint) keep(KEY, asked);
      return Boolean(endpoint);
    },
    end: async () => {
      await tellNoMore({ token: token() });
      keep(KEY, null);
    },
  });
  tracking.watch(draw);
}
