/** Keeps the screen on, where the browser can, for as long as the page is in view. */

/** @param {{wakeLock?: object, page?: Document, onMissing?: () => void}} options onMissing: this browser can't, or not here. */
export function keepAwake({ wakeLock = navigator.wakeLock, page = document, onMissing = () => {} } = {}) {
  if (!wakeLock) {
    onMissing(); // on plain http there is none
    return { take: async () => {} };
  }
  let lock = null;
  let isAsking = false;
  const take = async () => {
    if (isAsking || page.visibilityState !== "visible" || (lock && !lock.released)) return;
    isAsking = true;
    try {
      lock = await wakeLock.request("screen");
    } catch (error) {
      if (error.name !== "NotAllowedError") throw error; // the battery is low, or no gesture yet: the next one asks again
    } finally {
      isAsking = false;
    }
  };
  page.addEventListener("visibilitychange", take); // a page that is hidden loses its lock
  return { take };
}
