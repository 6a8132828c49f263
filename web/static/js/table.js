/** The table at which a game is played: its address, and its keeping while one is away. */

import { GrowingGame } from './growing.js';
import { parsePosition } from './position.js';
import { MAX_SEED } from './random.js';

const KEY = 'game2048.table';

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

/** The game of a wish, kept from before if it is the same; null if the wish names none. */
export function gameFrom({ at, seed, score }, kept) {
  if (at === null || seed === null) return null;
  return (kept?.seed === seed && GrowingGame.restore(kept, at)) || GrowingGame.at(at, { seed, score });
}

/** Keep a game for the next page of this visit. */
export function keep(game) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(game.save()));
  } catch {
    // Storage may be off or full: the address still says where the game is.
  }
}

export function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}
