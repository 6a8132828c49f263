import assert from 'node:assert/strict';
import { test } from 'node:test';

import { boardOf, codeOf, formatPosition, parsePosition } from '../../web/static/js/position.js';
import { randomGame } from './games.mjs';

const BOARD = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17);
const FACES = Array.from(BOARD, (e) => (e === 0 ? 0 : 2 ** e));

test('what is written is read again, in every form', () => {
  for (const { board } of [...randomGame(2).history, { board: BOARD }]) {
    assert.deepEqual([...parsePosition(formatPosition(board))], [...board]);
    assert.deepEqual([...parsePosition(codeOf(board))], [...board]);
    assert.deepEqual([...boardOf(codeOf(board))], [...board]);
  }
});

for (const [name, text] of [
  ['a line of tiles', FACES.join(' ')],
  ['rows with slashes', [0, 4, 8, 12].map((i) => FACES.slice(i, i + 4).join(',')).join('/')],
  ['nested lists', JSON.stringify([0, 4, 8, 12].map((i) => FACES.slice(i, i + 4)))],
  ['dots for empty cells', FACES.map((face) => face || '.').join('\t')],
  ['exponents', Array.from(BOARD).join(' ')],
]) {
  test(`${name} are read`, () => {
    assert.deepEqual([...parsePosition(text)], [...BOARD]);
  });
}

test('numbers that could be both are tiles', () => {
  assert.deepEqual([...parsePosition('2 4 8 16 '.repeat(4))], [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
});

for (const [text, message] of [
  ['', 'A board has 16 cells; there are 0 here.'],
  ['2 4 8', 'A board has 16 cells; there are 3 here.'],
  [`${'2 '.repeat(15)}48`, '“48” is no tile: tiles are 2, 4, 8 … 131072, and 0 is an empty cell.'],
  [`${'2 '.repeat(15)}262144`, '“262144” is no tile: tiles are 2, 4, 8 … 131072, and 0 is an empty cell.'],
  [`${'2 '.repeat(15)}two`, '“two” is no tile: tiles are 2, 4, 8 … 131072, and 0 is an empty cell.'],
  [`${'2 '.repeat(15)}-2`, '“-2” is no tile: tiles are 2, 4, 8 … 131072, and 0 is an empty cell.'],
]) {
  test(`“${text}” is refused`, () => {
    assert.throws(() => parsePosition(text), { message });
  });
}

test('a code that is none is null', () => {
  for (const code of ['', '0'.repeat(15), `${'0'.repeat(15)}i`, '0'.repeat(17)]) assert.equal(boardOf(code), null);
});
