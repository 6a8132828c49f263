/** Ask what a player thinks of positions, one at a time; what is known already is not asked again. */

import { codeOf } from './position.js';
import { createThinker } from './thinker.js';

const MOST_KEPT = 500;

/**
 * @param {(request: {player: string, depth: number, board: string}, network: string | null) => Promise<object>} ask
 * @returns {(board: ArrayLike<number>, player: object) => Promise<object | null>} an opinion `{values, unit, who}`;
 *   null if another position has been asked about since
 */
export function createAdvisor(ask = createThinker()) {
  const known = new Map();
  let latest = null;

  return async function advise(board, { name, depth, title, network = null }) {
    const code = codeOf(board);
    const key = `${name}\n${depth}\n${code}`;
    latest = key;
    if (!known.has(key)) {
      const { values, unit } = await ask({ player: name, depth, board: code }, network);
      if (known.size >= MOST_KEPT) known.delete(known.keys().next().value);
      known.set(key, { values, unit, who: title });
    }
    return latest === key ? known.get(key) : null;
  };
}
