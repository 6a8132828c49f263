/** The table at which a game is played: its address, and its keeping while one is away. */

import { GrowingGame } from './growing.js';
import { parsePosition } from './position.js';
import { MAX_SEED } from './random.js';

const PREFIX = 'game2048.';

const seedFrom = (text) => (/^\d{1,16}$/.test(text ?? '') && Number(text) <= MAX_SEED ? Number(text) : null);
const countFrom = (text) => (/^\d{1,9}$/.test(text ?? '') ? Number(text) : 0);

/** `?seed=7&at=125.0012…&score=456` of the game at a ply; `more` are further parameters. */
export function addressOf(game, ply, more = {}) {
  const place = { seed: game.seed, at: game.stateAt(ply), score: game.scores[ply] };
  const given = Object.entries({ ...more, ...place }).filter(([, value]) => value !== null && value !== '');
  return `?${new URLSearchParams(given)}`;
}

/**
 * What an address asks for: `game` and `ply` of the library, a `position` to start from, or `seed`, `at` and `score`
 * as `addressOf` writes them. What is wrong counts as missing.
 */
export function wishFrom(search) {
  const query = new URLSearchParams(search);
  let position = null;
  try {
    position = query.has('position') ? parsePosition(query.get('position')) : null;
  } catch {
    // no position: a new game
  }
  return {
    game: query.get('game'),
    ply: countFrom(query.get('ply')),
    position,
    seed: seedFrom(query.get('seed')),
    at: query.get('at'),
    score: countFrom(query.get('score')),
  };
}

/** The game that was kept, at a state if one is given; null if it was never there. */
function restored(kept, state) {
  try {
    return kept && GrowingGame.restore(kept, state);
  } catch {
    return null; // kept by another version of this page
  }
}

/** The game that was kept, as it was left; null if there is none. */
export const latest = (kept) => restored(kept, null);

/** The game of a wish, kept from before if it is the same; null if the wish names none. */
export function gameFrom({ at, seed, score }, kept) {
  if (at === null || seed === null) return null;
  return (kept?.seed === seed ? restored(kept, at) : null) ?? GrowingGame.at(at, { seed, score });
}

/** Keep the game of a page, 'play' or 'watch', for as long as the visit lasts. */
export function keep(game, page) {
  try {
    sessionStorage.setItem(PREFIX + page, JSON.stringify(game.save()));
  } catch {
    // Storage may be off or full: the address still says where the game is.
  }
}

/** The plain values of the game that was kept, or null. */
export function keptBy(page) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + page));
  } catch {
    return null;
  }
}
