import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MIN_POINTS, bandOfMeans, bandOfRates, wilson } from '../../web/static/js/intervals.js';
import { smooth } from '../../web/static/js/curves.js';

const near = (actual, expected, within = 5e-4) =>
  assert.ok(Math.abs(actual - expected) < within, `${actual} is not ${expected}`);

test('Wilson’s intervals are those of the tables', () => {
  for (const [rate, n, low, high] of [[0, 10, 0, 0.2775], [0.5, 100, 0.4038, 0.5962], [0.9, 50, 0.7864, 0.9565]]) {
    const interval = wilson(rate, n);
    near(interval.low, low);
    near(interval.high, high);
  }
  assert.deepEqual(wilson(1, 10).high, 1);
});

test('without games nothing is known', () => {
  assert.deepEqual(wilson(0, 0), { low: 0, high: 1 });
});

test('an averaged rate stands for the games of its neighbours too', () => {
  const band = bandOfRates([0.5, 0.5, 0.5], [10, 20, 30], 1);

  assert.deepEqual(band, [wilson(0.5, 10), wilson(0.5, 60), wilson(0.5, 50)]);
});

/** Numbers as if drawn from a normal distribution, the same each time. */
function* normals(seed) {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  for (;;) yield Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

for (const reach of [0, 3]) {
  test(`about 95 % of the bands of means hold the truth, whatever the curve does: ${reach} neighbours`, () => {
    const noise = normals(7);
    let held = 0;
    let width = 0;
    const n = 4000;
    const truth = Array.from({ length: n }, (_, i) => 50 * i);
    const raw = truth.map((value) => value + 100 * noise.next().value);

    const band = bandOfMeans(raw, smooth(raw, reach), reach);

    for (let i = 30; i < n - 30; i += 1) {
      if (band[i].low <= truth[i] && truth[i] <= band[i].high) held += 1;
      width += (band[i].high - band[i].low) / (n - 60);
    }
    near(held / (n - 60), 0.95, 0.035);
    near(width, (2 * 1.96 * 100) / Math.sqrt(2 * reach + 1), 30);
  });
}

test('at the ends there are bands too', () => {
  const raw = Array.from({ length: MIN_POINTS }, (_, i) => (i % 2 === 0 ? 90 : 110));

  const band = bandOfMeans(raw, raw);

  assert.equal(band.length, MIN_POINTS);
  assert.ok(band.every(({ low, high }) => high - low > 20 && Number.isFinite(high)));
});

test('a straight line has no width, and a few points no band', () => {
  const line = Array.from({ length: MIN_POINTS }, (_, i) => 3 * i);

  assert.ok(bandOfMeans(line, line).every(({ low, high }, i) => low === line[i] && high === line[i]));
  assert.equal(bandOfMeans([1, 2, 3], [1, 2, 3]), null);
});
