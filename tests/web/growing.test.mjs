import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { GrowingGame } from '../../web/static/js/growing.js';
import { drawTile } from '../../web/static/js/random.js';
import { decode, positionAt } from '../../web/static/js/record.js';
import { addressOf, gameFrom, wishFrom } from '../../web/static/js/table.js';
import { randomGame } from './games.mjs';

const seeded = JSON.parse(readFileSync(new URL('seeded-games.json', import.meta.url), 'utf8'));

/** Play the first legal move of left, down, right, up, as the games of the file were played. */
function playOn(game, moves = Infinity) {
  for (let i = 0; i < moves; i++) if (![3, 2, 1, 0].some((action) => game.play(action, 'by hand'))) return;
}

for (const { seed, start, plies } of seeded) {
  test(`a game of seed ${seed} has the tiles that the engine gives it`, () => {
    const game = new GrowingGame({ seed });
    playOn(game);

    assert.deepEqual(game.toRecord().start, start);
    assert.equal(game.toRecord().plies, plies);
  });
}

test('nine of ten tiles are twos, and every empty cell gets its share', () => {
  const board = [0, 1, 0, 1, ...new Array(12).fill(1)];
  const counts = [0, 0];
  let fours = 0;
  for (let i = 0; i < 2000; i++) {
    const { cell, isFour } = drawTile(board, 1, i);
    counts[cell / 2]++;
    fours += isFour;
  }

  assert.ok(Math.abs(counts[0] - 1000) < 120, String(counts));
  assert.ok(Math.abs(fours - 200) < 60, String(fours));
});

test('a growing game is shown as a record is, however long it grows', () => {
  const game = new GrowingGame({ seed: Number.MAX_SAFE_INTEGER });
  playOn(game);
  const record = decode({ ...game.toRecord(), id: 'x' });

  for (let ply = 0; ply <= game.length; ply++) {
    assert.deepEqual(positionAt(game, ply), positionAt(record, ply));
  }
  assert.equal(game.over, true);
});

test('a move that moves nothing is refused and changes nothing', () => {
  const game = new GrowingGame({ seed: 1, start: Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) });

  assert.equal(game.play(3, 'me'), false);
  assert.deepEqual([game.length, game.stateAt(0)], [0, '0.1200000000000000']);
});

test('a move taken back and made again brings the same tile', () => {
  const game = new GrowingGame({ seed: 5 });
  playOn(game, 20);
  const state = game.stateAt(20);
  game.truncate(10);
  playOn(game, 10);

  assert.equal(game.stateAt(20), state);
});

test('who played is told in the record, and not if it was taken back', () => {
  const game = new GrowingGame({ seed: 5 });
  playOn(game, 5);
  [0, 1, 2, 3].find((action) => game.play(action, 'teacher'));

  assert.equal(game.toRecord().agent, 'by hand + teacher');
  game.truncate(5);
  assert.equal(game.toRecord().agent, 'by hand');
  game.truncate(0);
  assert.equal(game.toRecord().agent, 'nobody');
});

test('opinions go with the plies that they were of', () => {
  const game = new GrowingGame({ seed: 5 });
  playOn(game, 5);
  game.opinions[2] = 'of ply 2';
  game.opinions[4] = 'of ply 4';

  game.truncate(2);

  assert.deepEqual(game.opinions.slice(2), ['of ply 2']);
});

test('a saved game comes back at the ply of an address, one that was elsewhere does not', () => {
  const game = new GrowingGame({ seed: 5 });
  playOn(game, 30);
  const kept = JSON.parse(JSON.stringify(game.save()));

  const back = gameFrom(wishFrom(addressOf(game, 12)), kept);
  assert.deepEqual([back.length, back.stateAt(12), back.playersUntil(12)], [12, game.stateAt(12), ['by hand']]);

  playOn(game, 1);
  const elsewhere = gameFrom(wishFrom(addressOf(game, 31)), kept);
  assert.deepEqual([elsewhere.length, elsewhere.stateAt(0)], [0, game.stateAt(31)]);
  assert.equal(elsewhere.scores[0], game.scores[31]);
});

test('only a game that came from its seed as a whole names it in the record', () => {
  const fresh = new GrowingGame({ seed: 5 });
  playOn(fresh, 3);
  const resumed = GrowingGame.at(fresh.stateAt(3), { seed: 5 });
  const { record } = randomGame(4, { maxPlies: 20 });

  assert.equal(fresh.toRecord().seed, 5);
  assert.equal(resumed.toRecord().seed, null);
  assert.equal(GrowingGame.from(decode(record), 10).toRecord().seed, 4);
  assert.equal(GrowingGame.from(decode({ ...record, seed: '18446744073709551615' }), 10).toRecord().seed, null);
});

test('a recorded game is played on from a ply', () => {
  const { record, history } = randomGame(4, { maxPlies: 20 });

  const game = GrowingGame.from(decode(record), 12);

  assert.deepEqual([game.length, [...game.board], game.scores[12]], [12, history[12].board, history[12].score]);
});

for (const search of [
  '', '?seed=x&at=1.0', '?at=2.0000000001010000', '?seed=1&at=2.zzzzzzzzzzzzzzzz',
  '?seed=99999999999999999999&at=2.0000000001010000',
]) {
  test(`the address "${search}" names no game`, () => {
    assert.equal(gameFrom(wishFrom(search), null), null);
  });
}
