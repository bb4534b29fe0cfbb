/**
 * Whether a tap is meant for what is under the finger now. Pure.
 *
 * A card that is tapped leaves, and the next one slides under the finger: a second tap at the same place within a moment, and
 * a tap on a card that has just slid to where another one was, are meant for what was there before. Keys press what has the
 * focus, and are never asked about.
 */

export const SETTLE_MS = 500;
const SAME_PLACE_PX = 40;

export class TapGuard {
  #last = null;
  #shifts = []; // of the last moment: {at, places}

  /**
   * Note where the cards are, before they may move.
   *
   * @param {{id: string, left: number, top: number, right: number, bottom: number, scroll: number}[]} places scroll: how far its
   *   list was scrolled; a card that the reader has scrolled under the finger is meant.
   */
  moving(places, at) {
    this.#shifts = [...this.#shifts.filter((one) => at - one.at < SETTLE_MS), { at, places }];
  }

  /**
   * @param {{at: number, x: number, y: number, control: object, card?: string, scroll?: number}} tap control: what would be
   *   pressed, compared by identity; card: the id of the card that it is on.
   * @returns {boolean} false if it was meant for something else.
   */
  takes(tap) {
    const last = this.#last;
    const isRepeat = last !== null && tap.at - last.at < SETTLE_MS && isNear(last, tap);
    if (isRepeat && last.control !== tap.control) {
      this.#last = { ...last, at: tap.at }; // a third tap of the same burst goes nowhere either
      return false;
    }
    this.#last = tap;
    return !this.#hasSlidUnder(tap);
  }

  #hasSlidUnder({ at, x, y, card, scroll }) {
    if (card === undefined) return false;
    return this.#shifts.some((shift) => {
      const before = at - shift.at < SETTLE_MS ? shift.places.find((place) => place.scroll === scroll && holds(place, x, y)) : undefined;
      return before !== undefined && before.id !== card;
    });
  }
}

function isNear(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y) <= SAME_PLACE_PX;
}

function holds({ left, top, right, bottom }, x, y) {
  return x >= left && x <= right && y >= top && y <= bottom;
}
