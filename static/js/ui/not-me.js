/** "That is not me": for whoever comes next at a shared device. */

import { forgetPerson } from "../person.js";
import { isPersonal } from "../state/cart.js";
import { t } from "./i18n.js";

/**
 * @param {Iterable<HTMLElement>} buttons hidden while nothing here is anybody's
 * @param {{cart: object, tracking: object, leave: () => void}} page its stores; leave: goes on without the person.
 */
export function mountNotMe(buttons, { cart, tracking, leave }) {
  const isAnybodys = () => Boolean(tracking.state.order || (cart && (cart.state.lines.length || isPersonal(cart.state))));
  const draw = () => {
    for (const button of buttons) button.hidden = !isAnybodys();
  };
  cart?.watch(draw);
  tracking.watch(draw);
  for (const button of buttons) button.addEventListener("click", () => window.confirm(t("person.sure")) && forgetPerson(leave));
}
