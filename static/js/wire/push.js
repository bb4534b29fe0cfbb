/** Being told on this device while no page is open: what the browser can, and what the hub is told of it. */

import { at } from "../root.js";
import { get, post, remove } from "./api.js";

const TYPES = ["order.ready", "order.en_route", "order.delivered", "order.cancelled", "order.delayed", "notice.sent"];

/** @returns {"able" | "refused" | "home_screen" | "unable"} home_screen: an iPhone's browser only asks from there. */
export function pushAbility({ navigator, Notification, PushManager, matchMedia } = globalThis) {
  if (navigator.serviceWorker && PushManager && Notification) return Notification.permission === "denied" ? "refused" : "able";
  const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  return isApple && !matchMedia("(display-mode: standalone)").matches ? "home_screen" : "unable";
}

/** @returns {Promise<string | null>} the key to subscribe with; null: this hub pushes nothing. */
export async function pushKey() {
  return (await get("/api/push/key")).key;
}

/**
 * Ask the person, subscribe this browser, and tell the hub. To be called from a tap.
 *
 * @param {{key: string, token: string, lang: string, isStaff?: boolean}} what token: of the order, or of the member of staff.
 * @returns {Promise<boolean>} false: the person said no.
 */
export async function tellThisDevice({ key, token, lang, isStaff = false }) {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const registration = await navigator.serviceWorker.register(at("/sw.js"), { updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = subscription.toJSON();
  await post("/api/push/subscriptions", { endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth }, lang }, { token });
  if (!isStaff) await post("/api/notifications", { types: TYPES, channels: ["page", "push"] }, { token });
  return true;
}

/** Tell this device nothing more of this order. */
export async function tellNoMore({ token }) {
  const endpoint = (await subscription())?.endpoint;
  if (endpoint) await remove("/api/push/subscriptions", { endpoint }, { token });
  await post("/api/notifications", { types: TYPES, channels: ["page"] }, { token });
}

/** Nothing that is on its way reaches this device any more: its push service says that it is gone. */
export async function forgetDevice() {
  await (await subscription())?.unsubscribe();
}

async function subscription() {
  const registration = await globalThis.navigator?.serviceWorker?.getRegistration(at("/"));
  return (await registration?.pushManager?.getSubscription()) ?? null;
}
