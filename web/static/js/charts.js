/**
 * Which charts there are, and how their numbers are written.
 *
 * @typedef {object} Chart
 * @property {string} key
 * @property {string} title
 * @property {string[]} columns the first one that a run has is drawn
 * @property {boolean} [percent]
 * @property {boolean} [wide]
 * @property {"rates" | "means"} [interval] what its numbers are of games, if intervals can be told
 * @property {number} [tile] the chart is about games that reach this tile
 */

const TILE_RATE = /^tile_rates\.(\d+)$/;

/** Columns that say how far a run is, not how good. */
const COUNTERS = ['steps', 'games', 'epoch', 'step', 'moves', 'updates', 'seconds', 'cpu_seconds'];

const FIRST = [
  { key: 'mean_score', title: 'Mean score', wide: true, interval: 'means' },
  { key: 'loss', title: 'Loss', wide: true },
  { key: 'validation_loss', title: 'Validation loss' },
  { key: 'accuracy', title: 'Accuracy', percent: true },
  { key: 'validation_accuracy', title: 'Validation accuracy', percent: true },
  { key: 'max_score', title: 'Best game of a block' },
];

const THEN = [
  { key: 'entropy', title: 'Entropy, nats' },
  { key: 'kl', title: 'KL divergence, nats' },
  { key: 'value_error', title: 'Value error' },
  { key: 'td_error', title: 'TD error, points' },
  { key: 'policy_loss', title: 'Policy loss' },
];

const LAST = [
  { key: 'grad_norm', title: 'Norm of the gradient' },
  { key: 'lr', title: 'Learning rate' },
  { key: 'speed', title: 'Moves a second', columns: ['steps_per_second', 'moves_per_second'] },
  { key: 'examples_per_second', title: 'Examples a second' },
];

const known = (charts) => charts.map((chart) => ({ columns: [chart.key], ...chart }));
const NAMED = [FIRST, THEN, LAST].flatMap(known).flatMap(({ columns }) => columns);

/** "trace_decay" -> "Trace decay". */
export const inWords = (name) => name[0].toUpperCase() + name.slice(1).replaceAll('_', ' ');

/** Whether a run has a column with anything in it. */
const has = (run, column) => run.columns[column]?.some((value) => value !== null) ?? false;

/** The column of a chart that a run has, undefined if none. */
export const columnOf = (chart, run) => chart.columns.find((column) => has(run, column));

/** @returns {Chart[]} the charts that some of the runs have anything to draw in, tiles that were reached included */
export function chartsOf(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.columns)))];
  const tiles = names
    .filter((name) => TILE_RATE.test(name) && runs.some((run) => run.columns[name]?.some((rate) => rate > 0)))
    .map((name) => ({ key: name, columns: [name], tile: Number(TILE_RATE.exec(name)[1]), percent: true, interval: 'rates' }))
    .sort((a, b) => a.tile - b.tile)
    .map((chart) => ({ ...chart, title: `Games that reach ${chart.tile}` }));
  const others = names
    .filter((name) => ![...COUNTERS, ...NAMED].includes(name) && !TILE_RATE.test(name))
    .map((name) => ({ key: name, columns: [name], title: inWords(name) }));
  return [...known(FIRST), ...tiles, ...known(THEN), ...others, ...known(LAST)]
    .filter((chart) => runs.some((run) => columnOf(chart, run)));
}

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 });
const PERCENT = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** A number as people read it: 12,345; 0.0123; 3.1e-8. */
export function formatValue(value, percent = false) {
  if (percent) return `${PERCENT.format(100 * value)} %`;
  const size = Math.abs(value);
  if (size > 0 && size < 1e-4) return value.toExponential(1);
  return size >= 1000 ? WHOLE.format(value) : DIGITS.format(value);
}

/** An interval: "1,200 to 1,400", "5 to 20 %". */
export function formatInterval({ low, high }, percent = false) {
  if (percent) return `${PERCENT.format(100 * low)} to ${PERCENT.format(100 * high)} %`;
  return `${formatValue(low)} to ${formatValue(high)}`;
}

/** A number, short enough to stand beside an axis: 12.3K; 1.5M. */
export function formatTick(value, percent = false) {
  return !percent && Math.abs(value) >= 1000 ? COMPACT.format(value) : formatValue(value, percent);
}

/** Seconds: "42 s", "12 min 5 s", "3 h 20 min". */
export function formatSeconds(seconds) {
  const whole = Math.round(seconds);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const parts = h > 0 ? [[h, 'h'], [min, 'min']] : [[min, 'min'], [s, 's']];
  return parts.filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(' ') || '0 s';
}

/** A place on an axis: "1,234 games", "12 min 5 s". */
export const formatPlace = (x, axis) => (axis === 'time' ? formatSeconds(x) : `${WHOLE.format(x)} ${axis}`);
