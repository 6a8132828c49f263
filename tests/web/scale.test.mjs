import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAxis, rangeOf, ticks } from '../../web/static/js/scale.js';

test('ticks are round numbers within the range', () => {
  assert.deepEqual(ticks([0, 135000], 3), [0, 50000, 100000]);
  assert.deepEqual(ticks([0.1, 0.45], 4), [0.1, 0.2, 0.3, 0.4]);
  assert.deepEqual(ticks([-0.05, 0.1], 3), [-0.05, 0, 0.05, 0.1]);
  assert.deepEqual(ticks([5, 5], 3), [5]);
});

test('a range begins at zero unless that would flatten the curve', () => {
  assert.deepEqual(rangeOf([3000, 135000], 5), [0, 150000]);
  assert.deepEqual(rangeOf([0.86, 0.99], 3), [0.85, 1]);
  assert.deepEqual(rangeOf([-0.01, 0.09], 3), [-0.05, 0.1]);
  assert.deepEqual(rangeOf([-8, -1], 4), [-8, 0]);
});

test('constant and missing values have a range too', () => {
  assert.deepEqual(rangeOf([0.001, 0.001], 4), [0, 0.002]);
  assert.deepEqual(rangeOf([0, 0]), [0, 1]);
  assert.deepEqual(rangeOf([-3, -3], 3), [-6, 0]);
  assert.deepEqual(rangeOf([]), [0, 1]);
});

test('every value lies in its range', () => {
  for (let i = 0; i < 500; i++) {
    const values = [0, 1].map((k) => Math.sin(37 * i + 11 * k) * 10 ** ((i % 17) - 8));
    const [low, high] = rangeOf(values);
    assert.ok(low <= Math.min(...values) && Math.max(...values) <= high && low < high, String(values));
  }
});

test('an axis leads to parts and back', () => {
  for (const axis of [createAxis([0, 200]), createAxis([2, 20000], { log: true })]) {
    assert.ok(Math.abs(axis.to(axis.range[0])) < 1e-12);
    assert.ok(Math.abs(axis.to(axis.range[1]) - 1) < 1e-12);
    assert.ok(Math.abs(axis.from(axis.to(50)) - 50) < 1e-9);
  }
  assert.equal(createAxis([1, 100], { log: true }).to(10), 0.5);
  assert.equal(createAxis([1, 100], { log: true }).to(0), 0);
});

test('a logarithmic axis has powers of ten, and more where these are few', () => {
  assert.deepEqual(createAxis([5, 200000], { log: true }).ticks(3), [10, 100, 1000, 10000, 100000]);
  assert.deepEqual(createAxis([30, 600], { log: true }).ticks(3), [50, 100, 200, 500]);
});

test('time has round minutes and hours', () => {
  assert.deepEqual(createAxis([0, 900], { time: true }).ticks(3), [0, 300, 600, 900]);
  assert.deepEqual(createAxis([0, 4 * 3600], { time: true }).ticks(4), [0, 3600, 7200, 10800, 14400]);
  assert.deepEqual(createAxis([0, 60], { time: true }).ticks(3), [0, 20, 40, 60]);
  assert.deepEqual(createAxis([2, 5000], { time: true, log: true }).ticks(3), [10, 60, 600, 3600]);
});
