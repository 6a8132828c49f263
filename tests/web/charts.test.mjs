import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  chartsOf, columnOf, formatInterval, formatPlace, formatSeconds, formatTick, formatValue,
} from '../../web/static/js/charts.js';

const run = (...names) => ({ columns: Object.fromEntries(names.map((name) => [name, [1]])) });
const keys = (...runs) => chartsOf(runs).map(({ key }) => key);

test('scores come first, then tiles in order, then what the algorithm measures, then speed', () => {
  const policy = run(
    'steps', 'updates', 'seconds', 'cpu_seconds', 'steps_per_second', 'games', 'mean_score', 'max_score',
    'tile_rates.1024', 'tile_rates.256', 'kl', 'entropy', 'trace', 'lr',
  );

  assert.deepEqual(keys(policy), [
    'mean_score', 'max_score', 'tile_rates.256', 'tile_rates.1024', 'entropy', 'kl', 'trace', 'lr', 'speed',
  ]);
});

test('a tile that no game reached has no chart', () => {
  const rates = { columns: { 'tile_rates.512': [0, 0.5], 'tile_rates.1024': [0, 0], 'tile_rates.2048': [null] } };

  assert.deepEqual(keys(rates), ['tile_rates.512']);
});

test('runs of different kinds share the charts that they can share', () => {
  const [chart] = chartsOf([run('games', 'moves_per_second'), run('steps', 'steps_per_second')]);

  assert.equal(columnOf(chart, run('moves_per_second')), 'moves_per_second');
  assert.equal(columnOf(chart, run('steps_per_second')), 'steps_per_second');
  assert.equal(columnOf(chart, run('loss')), undefined);
  assert.equal(columnOf({ columns: ['kl'] }, { columns: { kl: [null, null] } }), undefined);
});

test('a measure that nobody foresaw has a chart, named by its words', () => {
  assert.deepEqual(chartsOf([run('squared_error')]).map(({ title }) => title), ['Squared error']);
});

test('values are written with as many digits as mean something', () => {
  assert.deepEqual([135177.4, 1000, 999.4, 0.01234, 0, 3.08e-8, -0.004951].map((n) => formatValue(n)), [
    '135,177', '1,000', '999', '0.0123', '0', '3.1e-8', '-0.00495',
  ]);
  assert.deepEqual([0.8094, 1, 0.0007].map((n) => formatValue(n, true)), ['80.9 %', '100 %', '0.1 %']);
});

test('an interval is written with its unit once', () => {
  assert.equal(formatInterval({ low: 0.0512, high: 0.2 }, true), '5.1 to 20 %');
  assert.equal(formatInterval({ low: 1234.4, high: 2000 }), '1,234 to 2,000');
});

test('ticks are short', () => {
  assert.deepEqual([150000, 2.5e6, 500, 0.25].map((n) => formatTick(n)), ['150K', '2.5M', '500', '0.25']);
  assert.equal(formatTick(0.25, true), '25 %');
});

test('places on an axis are said in its unit', () => {
  assert.deepEqual([0, 42.4, 59.7, 725, 3600, 12000].map(formatSeconds), [
    '0 s', '42 s', '1 min', '12 min 5 s', '1 h', '3 h 20 min',
  ]);
  assert.equal(formatPlace(1234, 'games'), '1,234 games');
  assert.equal(formatPlace(90, 'time'), '1 min 30 s');
});
