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
      for (const watcher of watchers) watcher(state, before);
    },
    /** Called now and after each change. */
    watch(watcher) {
      watchers.add(watcher);
      watcher(state, state);
      return () => watchers.delete(watcher);
    },
  };
}
