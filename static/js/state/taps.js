/** What was tapped and is not done yet, and what was refused and nobody has seen yet. Pure. */

export const MOST_WAITING = 100;
const MOST_REFUSED = 20;

/**
 * waiting: {command_id, name, payload, order_id, code, what, tried?}[], the oldest first; refused: the same with `error`.
 * `code` is the order's, `what` the words of what was tapped; `tried`: it was sent, and may be done for all one knows.
 */
export const noTaps = Object.freeze({ waiting: [], refused: [] });

export function tapsReducer(state, action) {
  switch (action.type) {
    case "tapped":
      return canTap(state, action.tap) ? { ...state, waiting: [...state.waiting, action.tap] } : state;
    case "trying": {
      const mark = (tap) => (tap.command_id === action.command_id ? { ...tap, tried: true } : tap);
      return { ...state, waiting: state.waiting.map(mark) };
    }
    case "done":
      return { ...state, waiting: without(state.waiting, action.command_id) };
    case "undone":
      return canUndo(state, action.command_id) ? { ...state, waiting: without(state.waiting, action.command_id) } : state;
    case "refused": {
      const tap = state.waiting.find((one) => one.command_id === action.command_id);
      if (!tap) return state;
      const refused = [...state.refused, { ...tap, error: action.error }].slice(-MOST_REFUSED);
      return { waiting: without(state.waiting, action.command_id), refused };
    }
    case "seen":
      return { ...state, refused: without(state.refused, action.command_id) };
    case "loaded":
      return action.state;
    default:
      return state;
  }
}

/** Whether there is room for one more, and it does not wait already: a second tap on the same is no second wish. */
export function canTap(state, tap) {
  return state.waiting.length < MOST_WAITING && !state.waiting.some((one) => isSame(one, tap));
}

/** Whether it has not been sent yet: after that, only the hub knows. */
export function canUndo(state, command_id) {
  return state.waiting.some((tap) => tap.command_id === command_id && !tap.tried);
}

/** The taps that wait for one order. */
export function waitingFor(state, order_id) {
  return state.waiting.filter((tap) => tap.order_id === order_id);
}

/** Whether this can be worked with: it comes from a device's storage. */
export function isTaps(state) {
  const isTap = (tap) => Boolean(tap?.command_id && tap.name && tap.payload && tap.order_id);
  return Array.isArray(state?.waiting) && Array.isArray(state.refused) && [...state.waiting, ...state.refused].every(isTap);
}

function isSame(one, other) {
  const { command_id: a, version: v, ...said } = one.payload;
  const { command_id: b, version: w, ...again } = other.payload;
  return one.name === other.name && JSON.stringify(said) === JSON.stringify(again);
}

function without(taps, command_id) {
  return taps.filter((tap) => tap.command_id !== command_id);
}
