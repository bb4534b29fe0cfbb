/** The staff's door: a name and a PIN for a token, then to where that person works. */

import { tapsOnDevice } from "../taps.js";
import { $ } from "../ui/dom.js";
import { errorText, onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { whileBusy } from "../ui/wait.js";
import { post } from "../wire/api.js";
import { deviceName } from "../wire/device.js";
import { homeOf, safeNext, signIn } from "../wire/session.js";

await startLang();
mountLangSwitch($("[data-test=lang-switch]"));

const query = new URLSearchParams(location.search);
const form = $("form");
const problem = $("[data-test=login-problem]");
const notice = $("[data-test=login-notice]");

if (["forbidden", "expired"].includes(query.get("reason"))) {
  notice.hidden = false;
  notice.dataset.i18n = `login.${query.get("reason")}`;
  notice.textContent = t(notice.dataset.i18n);
}

const showWaiting = () => {
  const n = tapsOnDevice();
  const line = $("[data-test=login-taps]");
  line.hidden = n === 0;
  line.textContent = t("login.taps", { n });
};
showWaiting();
onLang(showWaiting);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy($("[data-test=login-submit]"), enter);
});

document.documentElement.dataset.booted = "true"; // boot.js has nothing to say

async function enter() {
  problem.textContent = "";
  try {
    const { name, pin } = form.elements;
    const session = await post("/api/login", { name: name.value.trim(), pin: pin.value, device: deviceName() });
    signIn(session);
    location.replace(safeNext(query.get("next"), location.origin) ?? homeOf(session.principal));
  } catch (error) {
    if (!error.code) throw error;
    problem.textContent = ["unauthorized", "bad_request", "not_found"].includes(error.code) ? t("login.wrong") : errorText(error);
    form.elements.pin.value = "";
    form.elements.pin.focus();
  }
}
