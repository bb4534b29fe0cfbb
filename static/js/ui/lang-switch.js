/** The button that changes the language: it names the one it leads to. */

import { currentLang, LANGS, onLang, switchLang, t } from "./i18n.js";
import { toast } from "./toast.js";

const NAMES = { es: "Español", en: "English" };

/** @param {HTMLButtonElement} button */
export function mountLangSwitch(button) {
  const show = () => {
    const to = other();
    button.textContent = to.toUpperCase();
    button.lang = to;
    button.setAttribute("aria-label", `${to.toUpperCase()}, ${NAMES[to]} (${t("lang.switch")})`);
  };
  button.addEventListener("click", () => switchLang(other()).catch(() => toast(t("lang.failed"), "bad")));
  onLang(show);
  show();
}

function other() {
  return LANGS.find((lang) => lang !== currentLang());
}
