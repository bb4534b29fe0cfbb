/** Which of a list's elements can stay where they are when it gets a new order. Pure. */

/**
 * @param {number[]} places where each element of the new list stands now; -1: nowhere.
 * @returns {Set<number>} the indices of as many as possible that stand in the right order already: the others move around them.
 */
export function staying(places) {
  const ends = []; // ends[n]: the index at which the best run of n + 1 ends
  const before = new Map();
  places.forEach((place, index) => {
    if (place < 0) return;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[ends[middle]] < place) low = middle + 1;
      else high = middle;
    }
    before.set(index, ends[low - 1]);
    ends[low] = index;
  });
  const run = new Set();
  for (let index = ends.at(-1); index !== undefined; index = before.get(index)) run.add(index);
  return run;
}
