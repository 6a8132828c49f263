/**
 * What a player thinks of every position of a game, and what that says of the moves that were played.
 *
 * Position p is the board at ply p, before the next move; there is one more than plies. Values come in blocks, so
 * that a state is filled in place by `addValues`.
 *
 * @typedef {object} Analysis
 * @property {string} unit        what the values are: points, return, probability or nothing
 * @property {number} done        positions that have values
 * @property {Float32Array} values four for each position: up, right, down, left; NaN where illegal or not known yet
 * @property {Float32Array} best  the largest of the four
 * @property {Uint8Array} labels  of the move played next, an index of LABELS, or one of the two below
 * @property {number[]} counts    how many moves have each label
 * @property {number} fit         sum of the ratios of the moves that were judged
 */

import { bytesOf } from './base64.js';

/** How good a move is, by the ratio of its value to the best one's; the last is for all the others. */
export const LABELS = [
  { name: 'perfect', from: 1 },
  { name: 'excellent', from: 0.999 },
  { name: 'nice', from: 0.99 },
  { name: 'not bad', from: 0.975 },
  { name: 'mistake', from: 0.9 },
  { name: 'blunder', from: 0.75 },
  { name: 'terrible', from: -Infinity },
];
export const FIRST_MISTAKE = 4;
export const ONLY_MOVE = 254;
export const UNKNOWN = 255;

/** @returns {Analysis} one that knows nothing yet */
export function createAnalysis(length) {
  return {
    unit: '',
    done: 0,
    values: new Float32Array(4 * (length + 1)).fill(NaN),
    best: new Float32Array(length + 1).fill(NaN),
    labels: new Uint8Array(length + 1).fill(UNKNOWN),
    counts: LABELS.map(() => 0),
    fit: 0,
  };
}

/** A value by the best one: 1 for the best, towards 0 the worse. Of two values below zero the nearer one is better. */
export function ratioOf(value, best) {
  if (value >= best) return 1;
  if (best > 0) return Math.max(value, 0) / best;
  return Math.abs(best / value);
}

/** The label of a ratio, an index of LABELS. */
export const labelOf = (ratio) => LABELS.findIndex(({ from }) => ratio >= from);

/** Judge the move that was played at a position. */
function judge(analysis, position, action) {
  const values = analysis.values.subarray(4 * position, 4 * position + 4);
  const legal = values.filter((value) => !Number.isNaN(value));
  analysis.best[position] = legal.length > 0 ? Math.max(...legal) : NaN;
  if (action === null || legal.length === 0) return;
  if (legal.length === 1) {
    analysis.labels[position] = ONLY_MOVE;
    return;
  }
  const ratio = ratioOf(values[action], analysis.best[position]);
  const label = labelOf(ratio);
  analysis.labels[position] = label;
  analysis.counts[label] += 1;
  analysis.fit += ratio;
}

/** Take in the values of the positions from `from` on; those that are known already are passed over. */
export function addValues(analysis, game, from, values, unit) {
  analysis.unit = unit;
  const end = Math.min(from + values.length / 4, game.length + 1);
  for (let position = analysis.done; position < end; position++) {
    analysis.values.set(values.subarray(4 * (position - from), 4 * (position - from) + 4), 4 * position);
    judge(analysis, position, position < game.length ? game.codes[position] >> 5 : null);
  }
  analysis.done = Math.max(analysis.done, end);
}

/**
 * What is known of the four moves at a position; null if nothing is.
 *
 * @returns {{value: number, ratio: number, label: number, best: boolean}[] | null} NaN ratios for illegal moves
 */
export function movesAt(analysis, position) {
  const best = analysis.best[position];
  if (Number.isNaN(best)) return null;
  return Array.from(analysis.values.subarray(4 * position, 4 * position + 4), (value) => {
    const ratio = Number.isNaN(value) ? NaN : ratioOf(value, best);
    return { value, ratio, label: labelOf(ratio), best: value === best };
  });
}

/** How strong a move looks: 1 for the best, on a logarithmic scale of what is lost, 0 when all is. */
export const strengthOf = (ratio) => (Number.isNaN(ratio) ? 0 : 1 - Math.log10(1 + 999 * (1 - ratio)) / 3);

/** The next position (`by` = 1) or the last one before (-1) at which a mistake, a blunder or worse was played. */
export function findMistake({ labels }, position, by) {
  for (let at = position + by; at >= 0 && at < labels.length; at += by) {
    if (labels[at] >= FIRST_MISTAKE && labels[at] < LABELS.length) return at;
  }
  return null;
}

/** Of the moves that were judged: how many, how many were best, and their mean ratio; null if there are none. */
export function summaryOf({ counts, fit }) {
  const judged = counts.reduce((sum, count) => sum + count, 0);
  return judged === 0 ? null : { judged, perfect: counts[0] / judged, accuracy: fit / judged };
}

/**
 * What the player expects at every position: the final score where values are points, else the value itself.
 *
 * @returns {Float64Array} NaN where nothing is known
 */
export function expectationsOf({ best, unit }, { scores }) {
  return Float64Array.from(best, (value, position) => (unit === 'points' ? scores[position] + value : value));
}

/** Four values a position, from base64 of little-endian float32. */
export function decodeValues(text) {
  const bytes = bytesOf(text);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
