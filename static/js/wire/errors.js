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

  static from(answer) {
    return new CommandError(answer?.error ?? { code: "internal" });
  }
}
