/**
 * Play games in the way of the page with a compact network, for `test_compact.py`.
 *
 * node greedy-games.mjs NETWORK JOB: JOB is JSON {boards: [[16 exponents]], seeds: [...], max_moves}; prints JSON
 * {values: [[4]], games: [[actions]]}.
 */

import { readFileSync } from 'node:fs';

import { readCompact } from '../../web/static/js/compact.js';
import { GrowingGame } from '../../web/static/js/growing.js';

const [, , path, job] = process.argv;
const { boards, seeds, max_moves: maxMoves } = JSON.parse(readFileSync(job, 'utf-8'));
const file = readFileSync(path);
const { network } = await readCompact(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));

function play(seed) {
  const game = new GrowingGame({ seed });
  const actions = [];
  while (actions.length < maxMoves) {
    const action = network.bestMove(game.board);
    if (action === null) break;
    actions.push(action);
    game.play(action, 'network');
  }
  return actions;
}

console.log(JSON.stringify({ values: boards.map((board) => network.moveValues(board)), games: seeds.map(play) }));
