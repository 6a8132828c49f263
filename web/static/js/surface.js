/** The heights of a surface, between the places where the server has told them. */

/** Half a side of the surface, as in server/workers/lessons/adam.py. */
export const REACH = 2;

/** The height at a place, from the four around it; null off the map. */
export function heightAt({ heights, map_side: side }, x, y) {
  if (!(Math.abs(x) <= REACH && Math.abs(y) <= REACH)) return null;
  const limit = (value) => Math.min(Math.max(value, 0), side - 1.001);
  const column = limit(((x / REACH + 1) / 2) * side - 0.5);
  const row = limit(((1 - y / REACH) / 2) * side - 0.5);
  const [i, j] = [Math.floor(row), Math.floor(column)];
  const [down, right] = [row - i, column - j];
  const at = (a, b) => heights[a * side + b];
  return (1 - down) * ((1 - right) * at(i, j) + right * at(i, j + 1))
    + down * ((1 - right) * at(i + 1, j) + right * at(i + 1, j + 1));
}
