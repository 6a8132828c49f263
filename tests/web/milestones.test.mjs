import assert from 'node:assert/strict';
import { test } from 'node:test';

import { firstMilestone, largestExponents, milestonesOf, nextMilestone, previousMilestone } from '../../web/static/js/milestones.js';
import { decode } from '../../web/static/js/record.js';
import { randomGame } from './games.mjs';

const corner = (exponents) => ({ length: exponents.length - 1, boards: Uint8Array.from(exponents.flatMap((e) => [0, e, ...Array(14).fill(1)])) });

test('the largest exponent of every board', () => {
  const game = decode(randomGame(3).record);
  const largest = largestExponents(game);

  assert.equal(largest.length, game.length + 1);
  for (let ply = 0; ply <= game.length; ply++) {
    assert.equal(largest[ply], Math.max(...game.boards.subarray(16 * ply, 16 * ply + 16)));
  }
});

test('milestones are the first 512, 1024, ...', () => {
  const milestones = milestonesOf(largestExponents(corner([7, 8, 8, 9, 9, 10, 11])));

  assert.deepEqual(milestones, [{ tile: 512, ply: 3 }, { tile: 1024, ply: 5 }, { tile: 2048, ply: 6 }]);
});

test('what a set-up board has is no milestone', () => {
  assert.deepEqual(milestonesOf(largestExponents(corner([15, 15, 16]))), [{ tile: 65536, ply: 2 }]);
});

test('the first milestone is the one after what the start board has', () => {
  assert.deepEqual([1, 9, 10, 16, 17].map((e) => firstMilestone(corner([e, 17]))), [512, 1024, 2048, 131072, null]);
});

test('the next and the previous milestone are never the present one', () => {
  const milestones = [{ tile: 512, ply: 3 }, { tile: 1024, ply: 5 }];

  assert.deepEqual([0, 3, 4, 5].map((ply) => nextMilestone(milestones, ply)?.ply), [3, 5, 5, undefined]);
  assert.deepEqual([3, 4, 5, 9].map((ply) => previousMilestone(milestones, ply)?.ply), [undefined, 3, 3, 5]);
});
