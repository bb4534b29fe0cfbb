/** Cancel many orders: a filter, a count, and only then the button that does it. */

import { filterOf } from "../state/order-filter.js";
import { now } from "../wire/clock.js";
import { $, h, replace } from "./dom.js";
import { mountFieldErrors } from "./field-errors.js";
import { onLang, t } from "./i18n.js";
import { usualReason } from "./reasons.js";
import { toast, toastError } from "./toast.js";
import { whileBusy } from "./wait.js";

const SHOWN = 12; // codes
const NAMES = { "filter.status": "status", "filter.placed_after": "minutes", "filter.origin": "origin", "filter.phone": "phone" };

/** @param {{form: HTMLFormElement, send: (payload: object) => Promise<object>}} parts send: `order.cancel_many`. */
export function mountCancelMany({ form, send }) {
  const [found, confirm] = [$("[data-test=cancel-found]"), $("[data-test=cancel-confirm]")];
  const fields = mountFieldErrors(form, NAMES);
  const refused = (error) => {
    if (!fields.refuse(error)) toastError(error);
  };
  let counted = null; // {filter, count, order_ids}: what the button is about

  const draw = () => {
    found.textContent = counted ? foundText(counted) : "";
    confirm.hidden = !counted?.count;
    replace(confirm, h("span", {}, t("manager.cancel_confirm", { n: counted?.count ?? 0 })));
  };
  const about = (next) => {
    counted = next;
    draw();
  };
  form.addEventListener("input", (event) => {
    if (event.target.name !== "reason") about(null); // the count no longer fits the filter
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!fields.check()) return;
    const filter = filterOf(valuesOf(form), now());
    if (!filter) {
      toast(t("manager.cancel_nothing_named"), "bad");
      return;
    }
    const ask = () => send({ filter, ...reasonOf(form), dry_run: true });
    whileBusy($("[data-test=cancel-count]"), () => ask().then((answer) => about({ ...answer, filter }), refused));
  });
  confirm.addEventListener("click", () => whileBusy(confirm, async () => {
    const count = await untilDone(send, { filter: counted.filter, ...reasonOf(form) }).catch(refused);
    about(null);
    if (count !== undefined) toast(t("manager.cancel_done", { n: count }), "good");
  }));
  onLang(draw);
  draw();

  /** Mean the orders that came from where this one came from. */
  return ({ customer }) => {
    form.elements.origin.value = customer.origin ?? "";
    form.elements.phone.value = customer.origin ? "" : (customer.phone ?? "");
    about(null);
    form.scrollIntoView({ block: "nearest" });
    form.elements.origin.focus({ preventScroll: true });
  };
}

/** One call cancels so many; the same once more, as long as there are more and it gets on. */
async function untilDone(send, payload) {
  for (let count = 0; ;) {
    const answer = await send(payload);
    count += answer.count;
    if (!answer.more || !answer.count) return count;
  }
}

function valuesOf({ elements }) {
  const { status, minutes, unseen, waiting, origin, phone } = elements;
  return {
    status: status.value, minutes: minutes.value, unseen: unseen.checked, waiting: waiting.checked,
    origin: origin.value, phone: phone.value,
  };
}

function reasonOf({ elements }) {
  const reason = elements.reason.value.trim();
  return reason ? { reason } : usualReason("shop");
}

function foundText({ count, order_ids: ids }) {
  const codes = ids.slice(0, SHOWN).map((id) => id.slice(-4)).join(", ");
  return t("manager.cancel_found", { n: count, codes: ids.length > SHOWN ? `${codes}…` : codes });
}
