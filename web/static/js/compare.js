/**
 * Two games on one clock: what each of them shows at a tick.
 *
 * A tick is a ply; or two points of the sum of tiles on the board, which every move raises by 2 or 4, so that games are
 * shown at the same height of their tiles, however many moves that took.
 */

/** Half the sum of tiles at every ply. */
export function halfSums(game) {
  return Float64Array.from({ length: game.length + 1 }, (_, ply) =>
    game.boards.subarray(16 * ply, 16 * ply + 16).reduce((sum, e) => sum + (e && 2 ** (e - 1)), 0));
}

/** The last index of a rising series whose number is at most `limit`, at least 0. */
export function lastUpTo(series, limit) {
  let low = 0;
  let high = series.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (series[middle] <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * @param {object[]} games decoded records
 * @param {'ply' | 'sum'} by
 * @returns {{length: number, plyAt: (side: number, tick: number) => number, tickAt: (side: number, ply: number) => number}}
 */
export function createClock(games, by) {
  if (by === 'ply') {
    return {
      length: Math.max(...games.map(({ length }) => length)),
      plyAt: (side, tick) => Math.min(tick, games[side].length),
      tickAt: (side, ply) => ply,
    };
  }
  const sums = games.map(halfSums);
  const start = Math.min(...sums.map(([first]) => first));
  return {
    length: Math.max(...sums.map((series) => series.at(-1))) - start,
    plyAt: (side, tick) => lastUpTo(sums[side], start + tick),
    tickAt: (side, ply) => sums[side][ply] - start,
  };
}

/** Which games an address compares, and by what: `?left=ID&right=ID&by=sum`. */
export function comparisonFrom(search) {
  const query = new URLSearchParams(search);
  return { ids: [query.get('left') || null, query.get('right') || null], by: query.get('by') === 'sum' ? 'sum' : 'ply' };
}
