import assert from 'node:assert/strict';
import { test } from 'node:test';

import { countMoves, describe, formatAgo, formatDate, formatNumber, formatShare } from '../../web/static/js/words.js';

test('a position is told row by row', () => {
  const board = Uint8Array.from([1, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  const position = { ply: 3, board, score: 8, action: 3, over: false };

  assert.equal(describe(position, 9), 'Ply 3 of 9, moved left. Score 8. Row 1: 2, empty, empty, 131072. '
    + 'Row 2: empty, empty, empty, empty. Row 3: empty, empty, empty, empty. Row 4: empty, empty, empty, 4.');
});

test('one is not many', () => {
  assert.deepEqual([0, 1, 2, 12345].map(countMoves), ['0 moves', '1 move', '2 moves', '12,345 moves']);
});

test('the start and the end of a game are told', () => {
  const board = new Uint8Array(16);

  assert.match(describe({ ply: 0, board, score: 0, action: null, over: false }, 9), /^Ply 0 of 9, start\./);
  assert.match(describe({ ply: 9, board, score: 0, action: 0, over: true }, 9), /Game over\.$/);
});

test('what the player thinks of the next move is told, the likeliest first', () => {
  const position = { ply: 3, board: new Uint8Array(16), score: 8, action: 3, over: false };

  const words = describe({ ...position, next: 2, thoughts: Uint8Array.from([51, 0, 203, 1]) }, 9);

  assert.match(words, /The player thinks: down 80 %, up 20 %, left <1 %; and moves down\.$/);
});

test('a share of 255 is a percentage', () => {
  assert.deepEqual([0, 1, 128, 254, 255].map(formatShare), ['0 %', '<1 %', '50 %', '100 %', '100 %']);
});

test('numbers are grouped and dates are short', () => {
  assert.equal(formatNumber(1234567), '1,234,567');
  assert.match(formatDate('2026-11-21T12:00:00Z'), /^Nov 21, 2026$/);
  assert.equal(formatDate(null), '');
  assert.equal(formatDate('soon'), '');
});

test('how long ago something was is said in minutes and hours, then as a date', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');

  assert.deepEqual(
    ['2026-11-21T12:00:05Z', '2026-11-21T11:59:01Z', '2026-11-21T11:01:00Z', '2026-11-20T13:00:00Z', '2026-11-19T12:00:00Z']
      .map((iso) => formatAgo(iso, now)),
    ['just now', 'just now', '59 min ago', '23 h ago', 'Nov 19, 2026'],
  );
});
