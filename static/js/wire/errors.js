import { now } from "./clock.js";

/** A command or a request that was refused, or whose answer never came. */
export class CommandError extends Error {
  /** @param {{code: string, message?: string, retryable?: boolean, retry_after_s?: number, values?: object}} error */
  constructor(error) {
    super(error.message || error.code);
    this.name = "CommandError";
    this.code = error.code;
    this.retryable = Boolean(error.retryable);
    this.retry_after_s = error.retry_after_s;
    this.values = error.values ?? {};
  }

  /** No answer: the outcome is unknown, and the same command id may be sent again. */
  static lost() {
    return new CommandError({ code: "lost", message: "no answer", retryable: true });
  }

  /** The line was closed by this program. */
  static closed() {
    return new CommandError({ code: "closed", message: "the client was closed" });
  }

  static from(answer) {
    return new CommandError(answer?.error ?? { code: "internal" });
  }
}

/** When what was refused may be tried again, in milliseconds of the hub's time; null if the hub did not say. */
export function endOfWait({ retry_after_s }) {
  return retry_after_s ? now() + retry_after_s * 1000 : null;
}
