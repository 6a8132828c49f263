/** The games on the server: list, add, delete. Every failure is an ApiError with words fit for the page. */

import { ask, gamePath } from './api.js';

const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

/** One page of games: `{games, next, writes}`; `writes` is "open", "token" or "off": how a page may change them. */
export async function fetchGames(query, signal) {
  return (await ask(query ? `/api/games?${query}` : '/api/games', { signal })).json();
}

/** Who played, the busiest first: `[{name, games}]`. */
export async function fetchAgents() {
  return (await (await ask('/api/agents')).json()).agents;
}

/** Add a game, a file as it is: `{id, score, max_tile, n_moves, created}`, `created` false where it was there already. */
export async function sendGame(file, token = '') {
  const type = file.name.toLowerCase().endsWith('.json') ? 'application/json' : 'application/octet-stream';
  const headers = { 'Content-Type': type, ...bearer(token) };
  const response = await ask('/api/games', { method: 'POST', headers, body: file });
  return { ...await response.json(), created: response.status === 201 };
}

/** Delete a game; it is as well if somebody else has done so already. */
export async function deleteGame(id, token = '') {
  try {
    await ask(gamePath(id), { method: 'DELETE', headers: bearer(token) });
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}
