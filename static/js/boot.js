// What a page needs before and whatever becomes of its modules; so this file is none. It keeps the service worker, and says
// what went wrong when a page can't start, or fails later. Before the texts are there, it speaks both languages.
(() => {
  const AGAIN = "comanda.boot"; // in this tab: the page was loaded anew by itself
  const root = new URL("../../", document.currentScript.src);
  const isBooted = () => Boolean(document.documentElement.dataset.booted);
  let said = false;

  const say = (text, test) => {
    said = true;
    const words = document.createElement("p");
    words.className = "texts-missing";
    words.setAttribute("role", "alert");
    words.dataset.test = test;
    words.textContent = `${text} `;
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Reintentar · Retry";
    again.addEventListener("click", () => location.reload());
    words.append(again);
    document.body.prepend(words);
  };
  const failed = () => {
    if (said) return;
    if (isBooted()) say("Algo falló en la página. · Something failed on this page.", "page-failed");
    else say("La página no pudo abrir. · The page could not open.", "boot-failed");
  };
  const whenReady = (run) => (document.body ? run() : addEventListener("DOMContentLoaded", run, { once: true }));

  /** A script may be gone because the hub has a new version: the page of that version has its scripts. Tried once. */
  const loadAnew = () => {
    try {
      if (sessionStorage.getItem(AGAIN)) return false;
      sessionStorage.setItem(AGAIN, "1");
    } catch {
      return false; // storage is forbidden: it would never end
    }
    location.reload();
    return true;
  };
  addEventListener("error", ({ target, error }) => {
    if (target?.localName === "script" && !isBooted() && loadAnew()) return;
    if (error || target?.localName === "script") whenReady(failed);
  }, true);
  addEventListener("unhandledrejection", () => whenReady(failed));
  addEventListener("pagehide", () => {
    if (!isBooted()) return;
    try {
      sessionStorage.removeItem(AGAIN);
    } catch {
      // Storage is forbidden: nothing was kept.
    }
  });

  // Over plain HTTP from the shop's own network there are no service workers, and a reload needs the line.
  const workers = navigator.serviceWorker;
  if (!workers) return;
  const tellLoaded = async () => {
    const { active } = await workers.ready;
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    active.postMessage({ page: location.pathname, files });
  };
  addEventListener("load", () => {
    workers.register(new URL("sw.js", root), { updateViaCache: "none" }).then(tellLoaded).catch(() => {}); // storage may be forbidden
    workers.addEventListener("controllerchange", tellLoaded);
  });
})();
