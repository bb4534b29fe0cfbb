/** A name and a PIN for a token. */

import { post } from "../wire/api.js";
import { deviceName } from "../wire/device.js";
import { signIn } from "../wire/session.js";
import { mountFieldErrors } from "./field-errors.js";
import { mountProblem } from "./problem.js";
import { whileBusy } from "./wait.js";

const WRONG = ["unauthorized", "bad_request", "not_found"];

/**
 * @param {{form: HTMLFormElement, said: HTMLElement, submit: HTMLButtonElement, onSignedIn: (session: object) => void}} parts
 *   form: with the fields `name` and `pin`; said: where it is said what is wrong.
 */
export function mountLoginForm({ form, said, submit, onSignedIn }) {
  const { name, pin } = form.elements;
  const problem = mountProblem(said);
  const fields = mountFieldErrors(form);
  const enter = async () => {
    problem.clear();
    if (!fields.check()) return;
    try {
      const session = await post("/api/login", { name: name.value.trim(), pin: pin.value, device: deviceName() });
      signIn(session);
      onSignedIn(session);
    } catch (error) {
      if (!error.code) throw error;
      refused(error);
    }
  };
  const refused = (error) => {
    pin.value = "";
    if (WRONG.includes(error.code)) {
      problem.say("login.wrong");
      fields.mark(pin, said); // of the two, the one that has to be typed again
    } else {
      problem.sayError(error.code === "rate_limited" ? { ...error, code: "login_throttled" } : error);
      pin.focus();
    }
  };
  for (const field of [name, pin]) field.setAttribute("aria-describedby", said.id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(submit, enter);
  });
}
