/**
 * One room with all of its readers on this page. On the connection there is one subscription: the first reader begins it,
 * the last one ends it. A later reader has the room read anew, and everybody gets that snapshot.
 */

import { tellEach } from "../tell-each.js";
import { Membership } from "./membership.js";

export class SharedRoom {
  #readers = new Set();
  #token;

  /**
   * @param {string} name
   * @param {{join: Function, later: Function, onPace: Function}} line see Membership
   */
  constructor(name, line) {
    Object.assign(this, { name, line });
  }

  get isEmpty() {
    return this.#readers.size === 0;
  }

  /** @param {object} reader see `Hub.room`; its callbacks may throw. */
  add(reader) {
    const isFirst = this.isEmpty;
    this.#readers.add(reader);
    this.#token = reader.token ?? this.#token;
    if (isFirst) this.membership = this.#begin(reader.after);
    else this.membership.restart(this.#token);
  }

  remove(reader) {
    this.#readers.delete(reader);
    if (this.isEmpty) this.membership.leave();
  }

  #begin(after) {
    return new Membership({
      ...this.line,
      name: this.name,
      token: this.#token,
      after,
      onSnapshot: (...said) => this.#tell("onSnapshot", ...said),
      onEvent: (event) => this.#tell("onEvent", event),
      onPlace: (cursor) => this.#tell("onPlace", cursor),
      onError: (error) => this.#refused(error),
    });
  }

  /** Tell those who showed the token that was refused; the others read on with their own. */
  #refused(error) {
    const token = this.#token;
    const others = [...this.#readers].filter((reader) => (reader.token ?? token) !== token);
    const refused = [...this.#readers].filter((reader) => !others.includes(reader));
    tellEach(refused.map((reader) => () => reader.onError?.(error)));
    if (!others.some((reader) => this.#readers.has(reader))) return;
    for (const reader of refused) this.#readers.delete(reader);
    this.#token = others.at(-1).token;
    this.membership.restart(this.#token);
  }

  #tell(what, ...said) {
    const readers = [...this.#readers].filter((reader) => reader[what]);
    tellEach(readers.map((reader) => (...words) => this.#readers.has(reader) && reader[what](...words)), ...said);
  }
}
