import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RecordError, decode, plyCode, positionAt } from '../../web/static/js/record.js';
import { encodePly, randomGame } from './games.mjs';

const START = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const record = (plies, rest = {}) => ({ format: 'game2048', version: 1, id: 'x', agent: 'a', seed: 7, start: START, plies, ...rest });

test('a character is its ply code: action, cell, and whether the tile is a 4', () => {
  assert.equal(plyCode('A', 0), 0); // up, cell 0, a 2
  assert.equal(plyCode('_', 0), (3 << 5) | (15 << 1)); // left, cell 15, a 2
  assert.equal(plyCode('À', 0), 1); // up, cell 0, a 4
  assert.equal(plyCode('ÿ', 0), (3 << 5) | (15 << 1) | 1); // left, cell 15, a 4
});

test('all 128 codes have a character of their own', () => {
  for (let code = 0; code < 128; code++) {
    assert.equal(plyCode(encodePly(code >> 5, (code >> 1) & 15, code & 1), 0), code);
  }
});

test('a game is decoded into all its boards', () => {
  // left: 2 + 2 -> 4, a 4 in cell 15; then up: that 4 to the top, a 2 in cell 4
  const game = decode(record(encodePly(3, 15, 1) + encodePly(0, 4, 0)));

  assert.equal(game.length, 2);
  assert.deepEqual([...positionAt(game, 0).board], START);
  assert.deepEqual([...positionAt(game, 1).board], [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  assert.deepEqual([...positionAt(game, 2).board], [2, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test('a position tells of the move that led to it', () => {
  const game = decode(record(encodePly(3, 15, 1)));

  const start = positionAt(game, 0);
  const { board, ...rest } = positionAt(game, 1);

  assert.deepEqual([start.action, start.spawn, start.reward], [null, null, 0]);
  assert.deepEqual(rest, {
    ply: 1, score: 4, reward: 4, action: 3, spawn: 15, maxTile: 4, over: false, next: null, thoughts: null,
  });
});

const TWO_PLIES = encodePly(3, 15, 1) + encodePly(0, 4, 0);
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

test('a position knows the move that comes, and what the player thought of it', () => {
  const game = decode(record(TWO_PLIES, { probabilities: base64([0, 55, 0, 200, 255, 0, 0, 0]) }));

  const seen = [0, 1, 2].map((ply) => positionAt(game, ply));

  assert.deepEqual(seen.map(({ next }) => next), [3, 0, null]);
  assert.deepEqual(seen.map(({ thoughts }) => thoughts && [...thoughts]), [[0, 55, 0, 200], [255, 0, 0, 0], null]);
});

test('a record need not tell what its player thought', () => {
  assert.equal(positionAt(decode(record(TWO_PLIES)), 0).thoughts, null);
  assert.equal(positionAt(decode(record(TWO_PLIES, { probabilities: null })), 0).thoughts, null);
});

test('a game without a move is a game', () => {
  assert.equal(positionAt(decode(record('')), 0).score, 0);
});

for (const [what, broken, message] of [
  ['another format', record('', { format: 'chess' }), /not a game2048 record/],
  ['a later version', record('', { version: 2 }), /Version 2/],
  ['no start board', record('', { start: undefined }), /start board/],
  ['a character that is no ply', record('!'), /Ply 1 is not a ply: “!”/],
  ['a character beyond the table', record('漢'), /Ply 1 is not a ply/],
  ['a ply that moves nothing', record(encodePly(0, 15, 0)), /Ply 1 moves nothing: up/],
  ['what is no base64', record(encodePly(3, 15, 1), { probabilities: '!' }), /not base64/],
  ['too few probabilities', record(encodePly(3, 15, 1), { probabilities: base64([255]) }), /1 probabilities for 1 plies/],
  ['a new tile on another', record(encodePly(3, 0, 0)), /Ply 1 puts a tile on one/],
]) {
  test(`${what} is refused`, () => {
    assert.throws(() => decode(broken), (error) => error instanceof RecordError && message.test(error.message));
  });
}

test('random games decode to the boards and scores that were played', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { record: written, history } = randomGame(seed);

    const game = decode(written);

    assert.equal(game.length, history.length - 1);
    history.forEach((expected, ply) => {
      const position = positionAt(game, ply);
      assert.deepEqual([...position.board], expected.board);
      assert.equal(position.score, expected.score);
      if (ply > 0) assert.deepEqual([position.action, position.spawn], [expected.action, expected.cell]);
    });
    assert.equal(positionAt(game, game.length).over, true);
  }
});

test('the score is sum((e - 1) 2**e), less 4 for every 4 that appeared', () => {
  const { record: written } = randomGame(3);
  const game = decode(written);
  const fours = game.codes.filter((code) => code & 1).length;

  const { board, score } = positionAt(game, game.length);

  assert.equal(score, board.reduce((total, e) => total + (e && (e - 1) * 2 ** e), 0) - 4 * fours);
});

test('the record says whether its board was set up, and its seed as it is written', () => {
  assert.equal(decode(record('')).setUp, false);
  assert.equal(decode(record('', { set_up: true })).setUp, true);
  assert.equal(decode(record('', { seed: '18446744073709551615' })).seed, '18446744073709551615');
});
