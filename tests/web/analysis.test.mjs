import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  LABELS, ONLY_MOVE, UNKNOWN, addValues, createAnalysis, decodeValues, expectationsOf, findMistake, labelOf, movesAt,
  ratioOf, strengthOf, summaryOf,
} from '../../web/static/js/analysis.js';

const UP = 0 << 5;
const LEFT = 3 << 5;

/** A game of which only the moves and the scores matter. */
const gameOf = (codes) => ({
  length: codes.length, codes: Uint8Array.from(codes), scores: Uint32Array.from(codes.concat(0), (_, i) => 10 * i),
});

const names = (labels) => Array.from(labels, (label) => LABELS[label]?.name ?? label);

test('labels go by the ratio to the best move', () => {
  const ratios = [1, 0.9999, 0.999, 0.99, 0.975, 0.9, 0.8, 0.75, 0.7, 0, -1];

  assert.deepEqual(ratios.map((ratio) => LABELS[labelOf(ratio)].name), [
    'perfect', 'excellent', 'excellent', 'nice', 'not bad', 'mistake', 'blunder', 'blunder', 'terrible', 'terrible',
    'terrible',
  ]);
});

test('a worse value has a smaller ratio, whatever the signs', () => {
  for (const best of [100, 1, -1, -100]) {
    const ratios = [0, 0.5, 1, 2, 300].map((loss) => ratioOf(best - loss, best));

    assert.equal(ratios[0], 1);
    ratios.slice(1).forEach((ratio, i) => assert.ok(ratio <= ratios[i] && ratio >= 0, `${best}: ${ratios}`));
  }
  assert.equal(ratioOf(-5, 10), 0);
  assert.equal(ratioOf(-1, 0), 0);
});

test('the move that was played is judged by the values before it', () => {
  const analysis = createAnalysis(3);
  addValues(analysis, gameOf([UP, LEFT, UP]), 0, Float32Array.of(
    100, 50, NaN, 95, // up: the best
    100, 50, NaN, 95, // left: 0.95
    NaN, NaN, 7, NaN, // one legal move
    1, 2, 3, 4, // the end: nothing was played
  ), 'points');

  assert.deepEqual(names(analysis.labels), ['perfect', 'mistake', ONLY_MOVE, UNKNOWN]);
  assert.deepEqual(summaryOf(analysis), { judged: 2, perfect: 0.5, accuracy: (1 + Math.fround(95) / 100) / 2 });
  assert.deepEqual(movesAt(analysis, 1).map(({ best }) => best), [true, false, false, false]);
  assert.ok(Number.isNaN(movesAt(analysis, 1)[2].ratio));
});

test('values come in blocks; what is known already is passed over', () => {
  const game = gameOf(Array(9).fill(UP));
  const values = Float32Array.from({ length: 40 }, (_, i) => 1 + (i % 7));
  const whole = createAnalysis(9);
  addValues(whole, game, 0, values, 'points');
  const parts = createAnalysis(9);
  addValues(parts, game, 0, values.subarray(0, 20), 'points');
  assert.equal(parts.done, 5);
  addValues(parts, game, 3, values.subarray(12), 'points');

  assert.deepEqual(parts, whole);
  assert.equal(parts.done, 10);
});

test('before any value nothing is known', () => {
  const analysis = createAnalysis(5);

  assert.equal(movesAt(analysis, 0), null);
  assert.equal(summaryOf(analysis), null);
  assert.equal(findMistake(analysis, 0, 1), null);
  assert.ok(expectationsOf(analysis, gameOf(Array(5).fill(UP))).every(Number.isNaN));
});

test('mistakes are found in both directions', () => {
  const analysis = createAnalysis(4);
  const good = [10, 1, 1, 1];
  const bad = [5, 10, 1, 1];
  addValues(analysis, gameOf(Array(4).fill(UP)), 0, Float32Array.from([bad, good, bad, good, good].flat()), 'points');

  assert.deepEqual([0, 1, 2].map((ply) => findMistake(analysis, ply, 1)), [2, 2, null]);
  assert.deepEqual([4, 2, 1, 0].map((ply) => findMistake(analysis, ply, -1)), [2, 0, 0, null]);
});

test('points still to come make an expected final score; other values stand for themselves', () => {
  const game = gameOf([UP]);
  for (const [unit, expected] of [['points', [4, 14]], ['return', [4, 4]]]) {
    const analysis = createAnalysis(1);
    addValues(analysis, game, 0, Float32Array.of(4, 3, 2, 1, 4, NaN, NaN, NaN), unit);

    assert.deepEqual(Array.from(expectationsOf(analysis, game)), expected);
  }
});

test('the strength of a move falls from 1 to 0 with its ratio', () => {
  const strengths = [1, 0.999, 0.99, 0.9, 0.5, 0].map(strengthOf);

  assert.equal(strengths[0], 1);
  assert.equal(strengths.at(-1), 0);
  strengths.slice(1).forEach((strength, i) => assert.ok(strength < strengths[i]));
  assert.equal(strengthOf(NaN), 0);
});

test('values travel as base64 of little-endian float32', () => {
  const bytes = Buffer.alloc(8);
  bytes.writeFloatLE(1.5, 0);
  bytes.writeFloatLE(NaN, 4);

  assert.deepEqual(Array.from(decodeValues(bytes.toString('base64'))), [1.5, NaN]);
});
