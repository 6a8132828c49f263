/** Help for the tests: seeded random games, written in the record format. */

import { ACTIONS, slide } from '../../web/static/js/rules.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A small seeded generator (mulberry32) of numbers in [0, 1). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The character of one ply, straight from the format's definition. */
export function encodePly(action, cell, isFour) {
  const k = (action << 4) | cell;
  return isFour ? String.fromCharCode(0xc0 + k) : ALPHABET[k];
}

/** Play random legal moves; returns the record and, ply by ply, what happened. */
export function randomGame(seed, { start = null, maxPlies = Infinity } = {}) {
  const random = randomFrom(seed);
  const pick = (items) => items[Math.floor(random() * items.length)];
  const emptyCells = (board) => board.flatMap((e, cell) => (e === 0 ? [cell] : []));

  let board = start ?? Array.from({ length: 16 }, (_, cell) => (cell === 5 || cell === 10 ? 1 : 0));
  const record = { format: 'game2048', version: 1, id: 'random', agent: 'random', seed, start: board, plies: '' };
  const history = [{ board, score: 0 }];
  let score = 0;
  while (record.plies.length < maxPlies) {
    const legal = ACTIONS.filter((action) => slide(board, action).moved);
    if (legal.length === 0) break;
    const action = pick(legal);
    const { board: slid, reward } = slide(board, action);
    const cell = pick(emptyCells([...slid]));
    const isFour = random() < 0.1;
    slid[cell] = isFour ? 2 : 1;
    board = [...slid];
    score += reward;
    record.plies += encodePly(action, cell, isFour);
    history.push({ board, score, action, cell, reward });
  }
  return { record, history };
}
