// Shows a message when a page can't start: a script did not arrive, or failed before the page was there. This file is no
// module, because it must run when modules do not. The message is in both languages, because the texts may be missing.
(() => {
  let said = false;
  const say = () => {
    if (said || document.documentElement.dataset.booted) return;
    said = true;
    const words = document.createElement("p");
    words.className = "texts-missing";
    words.setAttribute("role", "alert");
    words.dataset.test = "boot-failed";
    words.textContent = "La página no pudo abrir. · The page could not open. ";
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Reintentar · Retry";
    again.addEventListener("click", () => location.reload());
    words.append(again);
    document.body.prepend(words);
  };
  const sayWhenReady = () => (document.body ? say() : addEventListener("DOMContentLoaded", say, { once: true }));
  addEventListener("error", ({ target }) => (target === window || target?.localName === "script") && sayWhenReady(), true);
  addEventListener("unhandledrejection", sayWhenReady);
})();
