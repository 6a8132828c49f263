/**
 * The curves of a run as plain numbers: pieces put together, axes, smoothing.
 *
 * @typedef {object} Run as the server tells it, see server/runs_api.py
 * @property {string} name
 * @property {string} counter what lines are counted by: "steps", "games" or "epoch"
 * @property {Object<string, (number | null)[]>} columns
 * @property {number[]} n_lines how many lines each row stands for
 * @property {string | null} next the place to go on reading from; null: from the start
 */

/** A page that is open for long asks for all rows anew, thinned, before there are more. */
export const MAX_ROWS = 2000;

/** Neighbours on each side that smoothing averages: this part of all rows. */
const SMOOTH_PART = 1 / 50;

/** What rows can be drawn over. */
export const AXES = ['steps', 'games', 'time'];

/** Put an answer behind what is there; `whole` ones take its place. */
export function withAnswer(run, answer) {
  if (!run || answer.whole) return answer;
  const n_lines = [...run.n_lines, ...answer.n_lines];
  const names = new Set([...Object.keys(run.columns), ...Object.keys(answer.columns)]);
  const columns = {};
  for (const name of names) {
    columns[name] = [
      ...(run.columns[name] ?? run.n_lines.map(() => null)),
      ...(answer.columns[name] ?? answer.n_lines.map(() => null)),
    ];
  }
  const next = n_lines.length > MAX_ROWS ? null : answer.next;
  return { ...answer, settings: answer.settings ?? run.settings, counter: answer.counter ?? run.counter, columns, n_lines, next };
}

/** Sums from the first row on, each row times its number of lines. */
function summed(values, nLines) {
  let sum = 0;
  return values.map((value, i) => (sum += (value ?? 0) * nLines[i]));
}

/** Seconds that start anew when a run is resumed, as if they went on. */
function continued(seconds) {
  let before = 0;
  let last = 0;
  return seconds.map((value) => {
    if (value === null) return before + last;
    if (value < last) before += last;
    last = value;
    return before + value;
  });
}

/**
 * Where each row lies on an axis, or null if the run does not tell.
 *
 * Moves of a game are steps of its environment; of other networks, steps are those of the optimiser. An epoch tells
 * its own seconds, and a policy the games of each row; the others count from the beginning.
 */
export function axisValues(run, axis) {
  const { columns, counter, n_lines } = run;
  if (axis === 'time') {
    if (!columns.seconds) return null;
    return counter === 'epoch' ? summed(columns.seconds, n_lines) : continued(columns.seconds);
  }
  if (axis === 'games') {
    if (!columns.games) return null;
    return counter === 'games' ? columns.games : summed(columns.games, n_lines);
  }
  return columns.steps ?? columns.moves ?? columns.step ?? null;
}

/** How many games each row stands for, null if the run does not tell. */
export function gamesOf(run) {
  return axisValues(run, 'games')?.map((games, i, all) => Math.max(0, games - (all[i - 1] ?? 0))) ?? null;
}

/**
 * The points of a column, those without a number left out; `games`: of each point, null if the run does not tell.
 *
 * @returns {{x: number[], y: number[], games: number[] | null}}
 */
export function pointsOf(run, column, axis) {
  const xs = axisValues(run, axis);
  const ys = run.columns[column];
  const games = gamesOf(run);
  const points = { x: [], y: [], games: games && [] };
  if (!xs || !ys) return points;
  ys.forEach((y, i) => {
    if (y === null || xs[i] === null) return;
    points.x.push(xs[i]);
    points.y.push(y);
    points.games?.push(games[i]);
  });
  return points;
}

/** How far `smooth` looks to each side in so many rows. */
export const reachOf = (length) => Math.floor(length * SMOOTH_PART);

/** The rows [from, to) around row i that are averaged. */
export function windowOf(i, length, reach) {
  const from = i - Math.min(reach, i);
  return [from, Math.min(i + Math.min(reach, i), length - 1) + 1];
}

/**
 * Averages over neighbours on both sides: fewer near the start, where curves are steep, so that they begin where the
 * run did; at the end those on the left remain, so that one last value does not decide where the curve ends.
 */
export function smooth(values, reach = reachOf(values.length)) {
  if (reach < 1) return values;
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1) + value);
  return values.map((_, i) => {
    const [from, to] = windowOf(i, values.length, reach);
    return (sums[to] - sums[from]) / (to - from);
  });
}

/** The index of the value nearest to `x` in a sorted list, -1 if it is empty. */
export function nearest(sorted, x) {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - sorted[low - 1] <= sorted[low] - x ? low - 1 : sorted.length === 0 ? -1 : low;
}

/** Up to `n` indices from first to last, evenly spread. */
export function spread(length, n) {
  const count = Math.min(length, n);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / Math.max(count - 1, 1)));
}
