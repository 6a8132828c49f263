/** Ranges, ticks, and where on an axis a number lies. */

/** The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `step`. */
function niceStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 2.5, 5, 10].map((n) => n * power).find((nice) => nice >= step * (1 - 1e-9));
}

/** Round multiples within a range, about `n` of them. */
export function ticks([low, high], n) {
  if (!(high > low)) return [low];
  const step = niceStep((high - low) / n);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Ticks in seconds, minutes or hours: round in the unit that they are written in. */
function timeTicks([low, high], n) {
  const unit = [3600, 60, 1].find((seconds) => high >= 2 * seconds) ?? 1;
  return ticks([low / unit, high / unit], n).map((tick) => tick * unit);
}

/**
 * The range to draw numbers in: from zero where that does not flatten them,
 * widened to the next tick.
 */
export function rangeOf(values, n = 4) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  if (low >= 0 && low <= high / 2) low = 0;
  if (high <= 0 && high >= low / 2) high = 0;
  if (low === high) [low, high] = low === 0 ? [0, 1] : [Math.min(0, 2 * low), Math.max(0, 2 * low)];
  const step = niceStep((high - low) / n);
  const round = (value) => Number(value.toPrecision(12));
  return [round(Math.floor(low / step + 1e-9) * step), round(Math.ceil(high / step - 1e-9) * step)];
}

/** Powers of ten within a range, also twice and five times these where they are few. */
function powerTicks([low, high]) {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.floor(Math.log10(high)) - first + 1 }, (_, i) => 10 ** (first + i));
  const factors = powers.length > 3 ? [1] : [1, 2, 5];
  return powers.flatMap((power) => factors.map((factor) => factor * power)).filter((tick) => tick >= low && tick <= high);
}

const ROUND_TIMES = [1, 10, 60, 600, 3600, 36_000, 360_000];

/**
 * An axis: `to` takes a number to a part of its range, 0 ... 1, and `from` takes it back.
 *
 * @param {[number, number]} range
 * @param {{log?: boolean, time?: boolean}} kind a logarithmic range begins above 0
 */
export function createAxis(range, { log = false, time = false } = {}) {
  const [low, high] = log ? range.map(Math.log) : range;
  const length = high - low || 1;
  return {
    range,
    time,
    to: (value) => ((log ? Math.log(Math.max(value, range[0])) : value) - low) / length,
    from: (part) => {
      const value = low + part * length;
      return log ? Math.exp(value) : value;
    },
    ticks: (n) => {
      if (log) return time ? ROUND_TIMES.filter((tick) => tick >= range[0] && tick <= range[1]) : powerTicks(range);
      return (time ? timeTicks : ticks)(range, n);
    },
  };
}
