/** Being told on this device while no page is open: what the browser can, and what the hub is told of it. */

import { at } from "../root.js";
import { get, post, remove } from "./api.js";

const TYPES = ["order.ready", "order.en_route", "order.delivered", "order.cancelled", "order.delayed", "notice.sent"];

/**
 * @returns {"able" | "insecure" | "refused" | "home_screen" | "unable"} insecure: browsers push over https only; home_screen: an
 *   iPhone's browser only asks from there.
 */
export function pushAbility({ navigator, Notification, PushManager, matchMedia, isSecureContext } = globalThis) {
  if (!isSecureContext) return "insecure";
  if (navigator.serviceWorker && PushManager && Notification) return Notification.permission === "denied" ? "refused" : "able";
  const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  return isApple && !matchMedia("(display-mode: standalone)").matches ? "home_screen" : "unable";
}

/**
 * @returns {Promise<{key: string | null, unseen_s?: number}>} key: to subscribe with; null: this hub pushes nothing. unseen_s: the
 *   age at which an unseen order wakes staff; 0: it does not.
 */
export function pushOffer() {
  return get("/api/push/key");
}

/**
 * Ask the person, subscribe this browser, and tell the hub. To be called from a tap.
 *
 * @param {{key: string, token: string, lang: string, isStaff?: boolean}} what token: of the order, or of the member of staff.
 * @returns {Promise<string | null>} the address of the browser's subscription; null: the person said no.
 */
export async function tellThisDevice({ key, token, lang, isStaff = false }) {
  if ((await Notification.requestPermission()) !== "granted") return null;
  const registration = await navigator.serviceWorker.register(at("/sw.js"), { updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  const { endpoint, keys } = (await subscribe(registration.pushManager, key)).toJSON();
  await post("/api/push/subscriptions", { endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth }, lang }, { token });
  if (!isStaff) await post("/api/notifications", { types: TYPES, channels: ["page", "push"] }, { token });
  return endpoint;
}

/** Tell this device nothing more of this order. */
export async function tellNoMore({ token }) {
  const endpoint = await toldEndpoint();
  if (endpoint) await tellDeviceNoMore(endpoint, { token });
  await post("/api/notifications", { types: TYPES, channels: ["page"] }, { token });
}

/** Tell this device nothing more of what the token is for. */
export function tellDeviceNoMore(endpoint, { token }) {
  return remove("/api/push/subscriptions", { endpoint }, { token });
}

/** @returns {Promise<string | null>} the address of the browser's subscription, if it has one. */
export async function toldEndpoint() {
  return (await subscription())?.endpoint ?? null;
}

/** Nothing that is on its way reaches this device any more: its push service says that it is gone. */
export async function forgetDevice() {
  await (await subscription())?.unsubscribe();
}

async function subscribe(pushManager, key) {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await pushManager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    await (await pushManager.getSubscription())?.unsubscribe(); // it is with a key that the hub no longer has
    return pushManager.subscribe(options);
  }
}

async function subscription() {
  const registration = await globalThis.navigator?.serviceWorker?.getRegistration(at("/"));
  return (await registration?.pushManager?.getSubscription()) ?? null;
}
