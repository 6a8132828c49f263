import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ACTIONS, DOWN, LEFT, MAX_EXPONENT, RIGHT, UP, isOver, slide } from '../../web/static/js/rules.js';
import { randomGame } from './games.mjs';

/** A board with `line` as its second row. */
const withRow = (line) => [0, 0, 0, 0, ...line, 0, 0, 0, 0, 0, 0, 0, 0];
const secondRow = (board) => [...board.slice(4, 8)];

const LEFT_CASES = [
  // line, after, reward
  [[1, 1, 1, 1], [2, 2, 0, 0], 8],
  [[1, 1, 2, 0], [2, 2, 0, 0], 4],
  [[2, 1, 1, 0], [2, 2, 0, 0], 4],
  [[1, 1, 1, 0], [2, 1, 0, 0], 4],
  [[2, 2, 3, 0], [3, 3, 0, 0], 8],
  [[0, 3, 0, 3], [4, 0, 0, 0], 16],
  [[1, 0, 2, 1], [1, 2, 1, 0], 0],
  [[16, 0, 0, 16], [17, 0, 0, 0], 131072],
  [[17, 17, 0, 0], [17, 17, 0, 0], 0],
  [[0, 17, 17, 1], [17, 17, 1, 0], 0],
];

for (const [line, expected, expectedReward] of LEFT_CASES) {
  test(`[${line}] slides left to [${expected}] for ${expectedReward} points`, () => {
    const { board, reward, moved } = slide(withRow(line), LEFT);

    assert.deepEqual(secondRow(board), expected);
    assert.equal(reward, expectedReward);
    assert.equal(moved, String(line) !== String(expected));
  });
}

test('a slide goes the way of its action', () => {
  const board = [
    0, 0, 0, 0,
    0, 1, 0, 1,
    0, 0, 0, 0,
    0, 1, 0, 2,
  ];

  const after = (action) => [...slide(board, action).board];

  assert.deepEqual(after(UP), [0, 2, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(after(RIGHT), [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2]);
  assert.deepEqual(after(DOWN), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2]);
  assert.deepEqual(after(LEFT), [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0]);
});

test('of three equal tiles the two nearest the edge merge', () => {
  assert.deepEqual(secondRow(slide(withRow([1, 1, 1, 0]), RIGHT).board), [0, 0, 1, 2]);
});

test('`to` tells where every tile goes, two to one cell when they merge', () => {
  const { to } = slide(withRow([1, 0, 1, 2]), LEFT);

  assert.deepEqual(secondRow(to), [4, -1, 4, 5]);
});

test('a slide leaves its board alone', () => {
  const board = Object.freeze(withRow([1, 1, 0, 0]));

  slide(board, RIGHT);

  assert.deepEqual(secondRow(board), [1, 1, 0, 0]);
});

test('a game is over when nothing moves, full board or not', () => {
  const chequered = Array.from({ length: 16 }, (_, cell) => 1 + ((cell + (cell >> 2)) % 2));
  const largest = new Array(16).fill(MAX_EXPONENT);

  assert.equal(isOver(chequered), true);
  assert.equal(isOver(largest), true);
  assert.equal(isOver([...chequered.slice(0, 15), 0]), false);
  assert.equal(isOver(new Array(16).fill(1)), false);
});

test('a slide keeps the sum of tiles, moves each to its target, and earns what merges', () => {
  const sum = (board) => board.reduce((total, e) => total + (e && 2 ** e), 0);

  for (const { board } of randomGame(1).history) {
    for (const action of ACTIONS) {
      const { board: slid, to, reward, moved } = slide(board, action);
      const arrived = new Array(16).fill(0);
      let merged = 0;
      board.forEach((e, cell) => { if (e) arrived[to[cell]] += 2 ** e; });
      slid.forEach((e, cell) => { if (board.some((b, from) => to[from] === cell && b !== e)) merged += 2 ** e; });

      assert.equal(sum(slid), sum(board));
      assert.deepEqual(arrived, Array.from(slid, (e) => e && 2 ** e));
      assert.equal(reward, merged);
      assert.equal(moved, String(slid) !== String(board));
    }
  }
});
