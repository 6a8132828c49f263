/** The server's JSON API. Every failure is an ApiError with words fit for the page. */

export class ApiError extends Error {
  name = 'ApiError';

  /** @param {number} status HTTP status, 0 if no answer came: then the title is needed to understand the detail */
  constructor(title, detail = '', status = 0) {
    super(status === 0 ? `${title} ${detail}`.trim() : detail || title);
    Object.assign(this, { title, detail, status });
  }
}

/** The error that a response tells of, as problem+json or by its status alone. */
export async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  const title = problem?.title ?? `The server answered ${response.status}.`;
  return new ApiError(title, problem?.detail ?? '', response.status);
}

/** Ask the server; returns its response if that is a success. An `AbortError` is let through. */
export async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('The server cannot be reached.', 'Check the connection and try again.');
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function request(path, options) {
  const response = await ask(path, options);
  try {
    return await response.json();
  } catch {
    throw new ApiError('The server’s answer cannot be read.', '', response.status);
  }
}

export const gamePath = (id) => `/api/games/${encodeURIComponent(id)}`;

export function fetchGame(id) {
  return request(gamePath(id));
}

/** All training runs, the one that wrote last first: `{runs, left_out}`. */
export function fetchRuns() {
  return request('/api/runs');
}

/** A run with its curves, or what is new of them since `after`, the `next` of an earlier answer. */
export function fetchRun(name, after = null) {
  const path = `/api/runs/${name.split('/').map(encodeURIComponent).join('/')}`;
  return request(after === null ? path : `${path}?after=${after}`);
}

/** Who can play and judge games, the best first: `{players: [{name, title, kind, min_depth, max_depth, ...}]}`. */
export function fetchPlayers() {
  return request('/api/players');
}

/** The analyses of a game that are kept, the newest first: `{analyses: [{player, depth, complete, ...}]}`. */
export function fetchAnalyses(id) {
  return request(`${gamePath(id)}/analyses`);
}

/** What a player thinks of a position: `{values, unit, best}`; `question` is `{player, depth, board}`. */
export function fetchAdvice(question) {
  return request(`/api/advice?${new URLSearchParams(question)}`);
}

/** The file of a player's network, to play in the page: see `compact.js`. */
export async function fetchNetwork(player, version) {
  return (await ask(`/api/players/network?${new URLSearchParams({ player, version })}`)).arrayBuffer();
}
