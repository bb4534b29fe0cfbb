// An error page that comes back by itself: it counts down what the hub asked for, and tries again when the network is back.
// No module and no import: it has to run when hardly anything else arrives.
(() => {
  const page = document.querySelector("[data-test=error-page]");
  const wait = document.querySelector("[data-test=error-wait]");
  const again = () => location.reload();
  document.querySelector("[data-test=error-retry]").addEventListener("click", again);
  addEventListener("online", again);
  let left_s = Number(page.dataset.retryS);
  if (!left_s) return;
  const tick = () => {
    if (left_s <= 0) return again();
    wait.hidden = false;
    wait.textContent = wait.dataset.words.replace("{n}", left_s);
    left_s -= 1;
    return setTimeout(tick, 1000);
  };
  tick();
})();
