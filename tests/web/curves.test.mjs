import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_ROWS, axisValues, gamesOf, nearest, pointsOf, smooth, spread, windowOf, withAnswer } from '../../web/static/js/curves.js';

const answer = (columns, options = {}) => ({
  name: 'run', counter: 'steps', columns, n_lines: Object.values(columns)[0]?.map(() => 1) ?? [],
  whole: false, next: 'here', settings: null, ...options,
});

test('what is new comes behind what is there', () => {
  const known = answer({ steps: [1, 2], kl: [5, 6] }, { whole: true, settings: { seed: 1 } });

  const run = withAnswer(known, answer({ steps: [3], entropy: [7] }, { next: 'there', running: false }));

  assert.deepEqual(run.columns, { steps: [1, 2, 3], kl: [5, 6, null], entropy: [null, null, 7] });
  assert.deepEqual([run.n_lines, run.next, run.running, run.settings], [[1, 1, 1], 'there', false, { seed: 1 }]);
  assert.deepEqual(known.columns.steps, [1, 2]);
});

test('an answer without lines changes no curve', () => {
  const known = answer({ steps: [1, 2] }, { whole: true });

  const run = withAnswer(known, answer({}, { counter: null }));

  assert.deepEqual([run.columns, run.counter], [{ steps: [1, 2] }, 'steps']);
});

test('a whole answer takes the place of what is there', () => {
  assert.deepEqual(withAnswer(answer({ steps: [9] }), answer({ steps: [1] }, { whole: true })).columns, { steps: [1] });
  assert.deepEqual(withAnswer(undefined, answer({ steps: [1] })).columns, { steps: [1] });
});

test('a run with too many rows is fetched anew next time', () => {
  const known = answer({ steps: Array.from({ length: MAX_ROWS }, (_, i) => i) }, { whole: true });

  assert.equal(withAnswer(known, answer({})).next, 'here');
  assert.equal(withAnswer(known, answer({ steps: [MAX_ROWS] })).next, null);
});

test('moves of n-tuple agents are steps, as those of policies and of optimisers are', () => {
  assert.deepEqual(axisValues(answer({ steps: [5, 9] }), 'steps'), [5, 9]);
  assert.deepEqual(axisValues(answer({ games: [1, 2], moves: [300, 700] }, { counter: 'games' }), 'steps'), [300, 700]);
  assert.deepEqual(axisValues(answer({ epoch: [1, 2], step: [50, 100] }, { counter: 'epoch' }), 'steps'), [50, 100]);
  assert.equal(axisValues(answer({ epoch: [1] }, { counter: 'epoch' }), 'steps'), null);
});

test('games that are told row by row are added up', () => {
  assert.deepEqual(axisValues(answer({ games: [100, 200] }, { counter: 'games' }), 'games'), [100, 200]);
  assert.deepEqual(axisValues(answer({ games: [10, null, 30] }, { n_lines: [1, 1, 2] }), 'games'), [10, 10, 70]);
  assert.equal(axisValues(answer({ epoch: [1] }), 'games'), null);
});

test('time goes on where a resumed run starts its clock anew', () => {
  assert.deepEqual(axisValues(answer({ seconds: [1, 5, 2, null, 4] }), 'time'), [1, 5, 7, 7, 9]);
});

test('the seconds of epochs are added up', () => {
  const run = answer({ seconds: [10, 20] }, { counter: 'epoch', n_lines: [1, 3] });

  assert.deepEqual(axisValues(run, 'time'), [10, 70]);
});

test('rows without a number are no points', () => {
  const run = answer({ steps: [1, 2, 3], kl: [5, null, 6] });

  assert.deepEqual(pointsOf(run, 'kl', 'steps'), { x: [1, 3], y: [5, 6], games: null });
  assert.deepEqual(pointsOf(run, 'kl', 'time'), { x: [], y: [], games: null });
  assert.deepEqual(pointsOf(run, 'nothing', 'steps'), { x: [], y: [], games: null });
});

test('a row stands for the games since the row before, or for those that it tells, times its lines', () => {
  assert.deepEqual(gamesOf(answer({ games: [100, 250] }, { counter: 'games' })), [100, 150]);
  assert.deepEqual(gamesOf(answer({ games: [10, null, 30] }, { n_lines: [1, 1, 2] })), [10, 0, 60]);
  assert.equal(gamesOf(answer({ epoch: [1] })), null);
  const run = answer({ steps: [1, 2, 3], kl: [5, null, 6], games: [7, 8, 9] });
  assert.deepEqual(pointsOf(run, 'kl', 'steps').games, [7, 9]);
});

test('the window of an average is even, and one-sided only at the end', () => {
  assert.deepEqual([0, 1, 4, 8, 9].map((i) => windowOf(i, 10, 2)), [[0, 1], [0, 3], [2, 7], [6, 10], [7, 10]]);
});

test('smoothing begins at the first value, keeps straight lines straight, and averages at the end', () => {
  assert.deepEqual(smooth([0, 1, 2, 3, 4, 5], 2), [0, 1, 2, 3, 3.5, 4]);
  assert.deepEqual(smooth([0, 6, 0, 6, 0, 6], 1).slice(1), [2, 4, 2, 4, 3]);
});

test('short curves are left as they are', () => {
  const values = [3, 1, 2];

  assert.equal(smooth(values), values);
});

test('the nearest of sorted values is found', () => {
  const sorted = [0, 10, 20];

  assert.deepEqual([-5, 4, 6, 10, 14, 16, 99].map((x) => nearest(sorted, x)), [0, 0, 1, 1, 1, 2, 2]);
  assert.equal(nearest([], 1), -1);
});

test('a few rows stand for many, the first and the last among them', () => {
  assert.deepEqual(spread(101, 5), [0, 25, 50, 75, 100]);
  assert.deepEqual(spread(3, 5), [0, 1, 2]);
  assert.deepEqual(spread(1, 5), [0]);
  assert.deepEqual(spread(0, 5), []);
});
