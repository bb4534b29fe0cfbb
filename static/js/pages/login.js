/** The staff's door: a name and a PIN for a token, then to where that person works. */

import { tapsOnDevice } from "../taps.js";
import { $ } from "../ui/dom.js";
import { onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { mountLoginForm } from "../ui/login-form.js";
import { homeOf, safeNext } from "../wire/session.js";

await startLang();
mountLangSwitch($("[data-test=lang-switch]"));

const query = new URLSearchParams(location.search);
const form = $("form");
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

mountLoginForm({
  form, said: $("[data-test=login-problem]"), submit: $("[data-test=login-submit]"),
  onSignedIn: ({ principal }) => location.replace(safeNext(query.get("next"), location.origin) ?? homeOf(principal)),
});

document.documentElement.dataset.booted = "true"; // boot.js has nothing to say
