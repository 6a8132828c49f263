/**
 * 95 % intervals around curves: how far they may be from what they would be with more games.
 *
 * @typedef {{low: number, high: number}[]} Band an interval for each point
 */

import { windowOf } from './curves.js';

/** Standard deviations on each side of the mean that hold 95 % of a normal distribution. */
export const Z = 1.96;

/** Fewer points say too little about how they vary. */
export const MIN_POINTS = 10;

/** Neighbours on each side, at least, from which the variance of a point is taken. */
const REACH = 20;

/**
 * Wilson's interval of a rate, seen in `n` games (E. B. Wilson, 1927, doi:10.1080/01621459.1927.10502953): sensible
 * where none or all of few games have reached a tile, as the usual one is not.
 */
export function wilson(rate, n) {
  if (!(n > 0)) return { low: 0, high: 1 };
  const centre = (rate + Z ** 2 / (2 * n)) / (1 + Z ** 2 / n);
  const half = (Z / (1 + Z ** 2 / n)) * Math.sqrt((rate * (1 - rate)) / n + Z ** 2 / (4 * n ** 2));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** The band of a curve of rates, averaged over `reach` neighbours on each side; `games`: of each point. */
export function bandOfRates(rates, games, reach = 0) {
  return rates.map((rate, i) => {
    const [from, to] = windowOf(i, rates.length, reach);
    return wilson(rate, games.slice(from, to).reduce((sum, n) => sum + n, 0));
  });
}

/**
 * The band of a curve of means, whose points each come from games of their own.
 *
 * How much a point varies is seen from how it departs from the line through its two neighbours, whose variance is 6/4
 * of its own: what the curve does as a whole, such as rising, does not count. Null if there are too few points.
 *
 * @param {number[]} raw as measured
 * @param {number[]} means averaged over `reach` neighbours on each side
 * @returns {Band | null}
 */
export function bandOfMeans(raw, means, reach = 0) {
  if (raw.length < MIN_POINTS) return null;
  const sums = [0];
  for (let i = 1; i < raw.length - 1; i += 1) {
    const departure = raw[i] - (raw[i - 1] + raw[i + 1]) / 2;
    sums.push(sums.at(-1) + (departure ** 2 * 4) / 6);
  }
  const last = raw.length - 2; // departures are of rows 1 ... last
  return means.map((mean, i) => {
    const [from, to] = windowOf(i, raw.length, reach);
    const wide = Math.max(reach, REACH);
    const low = Math.max(i - wide, 1);
    const high = Math.min(i + wide, last);
    const variance = (sums[high] - sums[low - 1]) / (high - low + 1);
    const half = Z * Math.sqrt(variance / (to - from));
    return { low: mean - half, high: mean + half };
  });
}
