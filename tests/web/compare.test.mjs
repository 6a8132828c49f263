import assert from 'node:assert/strict';
import { test } from 'node:test';

import { comparisonFrom, createClock, halfSums, lastUpTo } from '../../web/static/js/compare.js';
import { decode } from '../../web/static/js/record.js';
import { randomGame } from './games.mjs';

const games = [randomGame(1), randomGame(2, { maxPlies: 40 })].map(({ record }) => decode(record));

test('by ply, each game is at its own ply, and waits at its end for the longer one', () => {
  const clock = createClock(games, 'ply');

  assert.equal(clock.length, games[0].length);
  assert.deepEqual([clock.plyAt(0, 7), clock.plyAt(1, 7), clock.plyAt(1, 60)], [7, 7, 40]);
});

test('by the sum of tiles, each game is at its last ply that is not ahead of the clock', () => {
  const clock = createClock(games, 'sum');
  const sums = games.map(halfSums);
  const start = Math.min(sums[0][0], sums[1][0]);

  for (const side of [0, 1]) {
    for (let tick = 0; tick <= clock.length; tick++) {
      const ply = clock.plyAt(side, tick);
      assert.ok(ply === 0 || sums[side][ply] <= start + tick);
      assert.ok(ply === games[side].length || sums[side][ply + 1] > start + tick);
    }
  }
  assert.deepEqual([clock.plyAt(0, clock.length), clock.plyAt(1, clock.length)], games.map(({ length }) => length));
});

test('a ply has its tick on either clock', () => {
  for (const by of ['ply', 'sum']) {
    const clock = createClock(games, by);
    for (let ply = 0; ply <= games[1].length; ply++) assert.equal(clock.plyAt(1, clock.tickAt(1, ply)), ply);
  }
});

test('every move raises half the sum of tiles by 1 or 2', () => {
  const sums = halfSums(games[0]);
  sums.subarray(1).forEach((sum, i) => assert.ok([1, 2].includes(sum - sums[i])));
});

test('the last index up to a limit', () => {
  assert.deepEqual([0, 2, 3, 4, 9].map((limit) => lastUpTo([2, 3, 3, 7], limit)), [0, 0, 2, 2, 3]);
});

test('the address says which games, and by what', () => {
  assert.deepEqual(comparisonFrom('?left=a&right=b&by=sum'), { ids: ['a', 'b'], by: 'sum' });
  assert.deepEqual(comparisonFrom('?left=a&by=other'), { ids: ['a', null], by: 'ply' });
});
