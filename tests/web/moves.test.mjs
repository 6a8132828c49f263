import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addValues, createAnalysis, movesAt } from '../../web/static/js/analysis.js';
import { formatLoss, formatMoveValue, movesInWords } from '../../web/static/js/moves-view.js';

const LEFT = 3;

/** What is known of a position with these values, where left was played. */
function movesOf(values, unit) {
  const analysis = createAnalysis(1);
  addValues(analysis, { length: 1, codes: Uint8Array.of(LEFT << 5) }, 0, Float32Array.from(values), unit);
  return movesAt(analysis, 0);
}

test('values are written in their unit', () => {
  assert.equal(formatMoveValue(12345.6, 'points'), '12,346');
  assert.equal(formatMoveValue(17.314, 'return'), '17.31');
  assert.equal(formatMoveValue(NaN, 'points'), '–');
});

test('losses are parts of the best value', () => {
  const [up, right, down, left] = movesOf([200, NaN, 199, 100], 'points').map(formatLoss);

  assert.deepEqual([up, right, down, left], ['best', '', '−0.5 %', '−50 %']);
});

test('a loss that is next to nothing stays short', () => {
  const [, right] = movesOf([100_000, 99_994, NaN, NaN], 'points').map(formatLoss);

  assert.equal(right, '<0.01 %');
});

test('the moves in a sentence, the best first', () => {
  const moves = movesOf([2000, NaN, 1000, 1900], 'points');

  const words = movesInWords(moves, LEFT, 'points');

  assert.match(words, /up 2,000 \(best\), left 1,900 \(−5 %\), down 1,000 \(−50 %\)/);
  assert.match(words, /Played: left, mistake\.$/);
});
