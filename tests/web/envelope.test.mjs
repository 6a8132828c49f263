import assert from 'node:assert/strict';
import { test } from 'node:test';

import { envelope } from '../../web/static/js/envelope.js';
import { directionOf } from '../../web/static/js/swipe.js';
import { randomFrom } from './games.mjs';

test('the columns of a long series hold all its numbers', () => {
  const random = randomFrom(1);
  for (const length of [1, 2, 10, 99, 100, 101, 1000, 60_001]) {
    const values = Float64Array.from({ length }, () => random());
    const { low, high } = envelope(values, 100);

    assert.equal(Math.min(...low), Math.min(...values));
    assert.equal(Math.max(...high), Math.max(...values));
    assert.ok(low.every((value, column) => value <= high[column]));
  }
});

test('a spike of one ply is seen in a game of 60,000', () => {
  const values = new Float64Array(60_001);
  values[12_345] = 7;

  assert.equal(envelope(values, 500).high[Math.floor((12_345 / 60_000) * 500)], 7);
});

test('neighbouring columns touch: the line has no gaps', () => {
  const { low, high } = envelope(Float64Array.from({ length: 1001 }, (_, i) => i), 300);

  for (let column = 1; column < 300; column++) assert.equal(low[column], high[column - 1]);
});

test('what is not known yet leaves columns empty', () => {
  const { low, high } = envelope(Float32Array.from({ length: 1001 }, (_, i) => (i < 500 ? 1 : NaN)), 100);

  assert.deepEqual([low[10], high[10]], [1, 1]);
  assert.ok(Number.isNaN(low[80]) && Number.isNaN(high[80]));
});

test('a swipe goes the way of its longer side, if it is long enough', () => {
  assert.deepEqual([[0, -11], [11, 3], [-5, 40], [-30, 29]].map(([x, y]) => directionOf(x, y)), [0, 1, 2, 3]);
  assert.equal(directionOf(10, -10), null);
});
