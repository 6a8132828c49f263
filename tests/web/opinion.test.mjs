import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAdvisor } from '../../web/static/js/advisor.js';
import { LABELS } from '../../web/static/js/analysis.js';
import { movesOf } from '../../web/static/js/opinion.js';
import { chooseDepth, choosePlayer, titleOf } from '../../web/static/js/player-picker.js';

test('moves are judged by the best of them', () => {
  const moves = movesOf({ values: [1000, null, 995, 500], unit: 'points' });

  assert.deepEqual(moves.map(({ best }) => best), [true, false, false, false]);
  assert.deepEqual(moves.map(({ ratio }) => ratio), [1, NaN, 0.995, 0.5]);
  assert.deepEqual([0, 2, 3].map((action) => LABELS[moves[action].label].name), ['perfect', 'nice', 'terrible']);
});

test('there is nothing to judge where no move is legal, or all are the same to the player', () => {
  assert.equal(movesOf({ values: [null, null, null, null], unit: 'points' }), null);
  assert.equal(movesOf({ values: [0, 0, 0, null], unit: 'nothing' }), null);
});

/** An advisor whose server answers when it is told to. */
function pending() {
  const asked = [];
  const advise = createAdvisor((question) => new Promise((resolve) => asked.push({ question, resolve })));
  return { asked, advise };
}

const BOARD = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const OTHER = BOARD.with(15, 5);
const PLAYER = { name: 'greedy', depth: 0, title: 'Greedy' };

test('a position is asked about once', async () => {
  const { asked, advise } = pending();
  const first = advise(BOARD, PLAYER);
  asked[0].resolve({ values: [1, 2, 3, 4], unit: 'points' });

  assert.deepEqual(asked[0].question, { player: 'greedy', depth: 0, board: '1100000000000000' });
  assert.deepEqual(await first, { values: [1, 2, 3, 4], unit: 'points', who: 'Greedy' });
  assert.deepEqual(await advise(BOARD, PLAYER), await first);
  assert.equal(asked.length, 1);
});

test('an answer that comes too late counts for nothing', async () => {
  const { asked, advise } = pending();
  const early = advise(BOARD, PLAYER);
  const late = advise(OTHER, PLAYER);
  asked[1].resolve({ values: [2, 2, 2, 2], unit: 'points' });
  asked[0].resolve({ values: [1, 1, 1, 1], unit: 'points' });

  assert.equal(await early, null);
  assert.deepEqual((await late).values, [2, 2, 2, 2]);
});

const PLAYERS = [
  { name: 'teacher', title: 'teacher: n-tuple network', min_depth: 1, max_depth: 3 },
  { name: 'greedy', title: 'Greedy', min_depth: 0, max_depth: 0 },
];

test('the player of the address comes before that of the last visit, and that before the best', () => {
  assert.equal(choosePlayer(PLAYERS, 'greedy', 'teacher').name, 'greedy');
  assert.equal(choosePlayer(PLAYERS, 'gone', 'greedy').name, 'greedy');
  assert.equal(choosePlayer(PLAYERS, null, null).name, 'teacher');
});

test('a depth that the player has not is its own', () => {
  assert.deepEqual([2, 0, 9, NaN].map((depth) => chooseDepth(PLAYERS[0], depth)), [2, 1, 1, 1]);
});

test('the depth is told of players that have a choice', () => {
  assert.equal(titleOf(PLAYERS[0], 2), 'teacher: n-tuple network, depth 2');
  assert.equal(titleOf(PLAYERS[1], 0), 'Greedy');
});
