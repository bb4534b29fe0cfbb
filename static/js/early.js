// Keeps the room of an order that this device follows, so that the menu does not move when the order arrives. This file is no
// module, because it must run before the page is drawn.
(() => {
  const root = new URL("../../", document.currentScript.src).pathname;
  const prefix = root === "/" ? "comanda." : `comanda${root}`; // as keep.js has it
  try {
    if (localStorage.getItem(`${prefix}order`)) document.documentElement.classList.add("expects-order");
  } catch {
    // Storage is forbidden: nothing is kept.
  }
})();
