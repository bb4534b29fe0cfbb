/** One state, changed only by its reducer, told to whoever watches. */

export function createStore(reduce, initial) {
  let state = initial;
  const watchers = new Set();
  return {
    get state() {
      return state;
    },
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      const before = state;
      state = next;
      tellAll(watchers, state, before);
    },
    /** Called now and after each change. */
    watch(watcher) {
      watchers.add(watcher);
      watcher(state, state);
      return () => watchers.delete(watcher);
    },
  };
}

/** Tell all of them, also those behind one that fails; then fail as the first of those did. */
function tellAll(watchers, state, before) {
  const failures = [];
  for (const watcher of watchers) {
    try {
      watcher(state, before);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length) throw failures[0];
}
