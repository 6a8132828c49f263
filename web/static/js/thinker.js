/** Who answers for a player: its network here in the page, where it is small enough for that, else the server. */

import { fetchAdvice, fetchNetwork } from './api.js';
import { readCompact } from './compact.js';
import { boardOf } from './position.js';

const PAGE_DEPTH = 1; // moves that a network looks ahead in the page

/**
 * @param {(question: object) => Promise<object>} askServer
 * @param {(player: string, version: string) => Promise<ArrayBuffer>} fetchFile
 * @returns {(question: {player: string, depth: number, board: string}, version: string | null) => Promise<object>}
 *   `{values, unit}`; `version` of the player's network for pages, null if it has none
 */
export function createThinker(askServer = fetchAdvice, fetchFile = fetchNetwork) {
  const networks = new Map(); // by player and version: promises

  function networkOf(player, version) {
    const key = `${player}\n${version}`;
    if (!networks.has(key)) {
      const file = fetchFile(player, version).then(readCompact);
      file.catch(() => networks.delete(key)); // the next position tries again
      networks.set(key, file);
    }
    return networks.get(key);
  }

  return async function think(question, version) {
    if (version === null || question.depth !== PAGE_DEPTH) return askServer(question);
    let network;
    try {
      ({ network } = await networkOf(question.player, version));
    } catch {
      return askServer(question);
    }
    return { values: network.moveValues(boardOf(question.board)), unit: 'points' };
  };
}
