// Says so when a page can't begin: a script that did not arrive, or that failed before the page was there. No module, for
// it must run when modules do not. In both languages, for the texts may be what is missing.
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
