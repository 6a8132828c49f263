/**
 * The rules of 2048 on 16 exponents, row by row (0 = empty, e = tile 2**e).
 *
 * Pure functions, no DOM. Besides the board, a slide tells where every tile
 * goes, which is all that an animation needs.
 */

export const UP = 0;
export const RIGHT = 1;
export const DOWN = 2;
export const LEFT = 3;
export const ACTIONS = [UP, RIGHT, DOWN, LEFT];

/** The largest tile is 2**17 = 131072; two of them never merge. */
export const MAX_EXPONENT = 17;

const INDICES = [0, 1, 2, 3];

/** The `j`-th cell of line `i`, counted from the edge that the tiles slide to. */
function cellOf(action, i, j) {
  switch (action) {
    case UP: return 4 * j + i;
    case RIGHT: return 4 * i + (3 - j);
    case DOWN: return 4 * (3 - j) + i;
    default: return 4 * i + j;
  }
}

const LINES = ACTIONS.map((action) =>
  INDICES.map((i) => INDICES.map((j) => cellOf(action, i, j))));

/**
 * Slide a board: `[1 1 1 1]` moved left is `[2 2 0 0]`, worth 8 points.
 *
 * @param {ArrayLike<number>} board 16 exponents, left as they are
 * @param {number} action 0 up, 1 right, 2 down, 3 left
 * @returns {{board: Uint8Array, to: Int8Array, reward: number, moved: boolean}}
 *   the board before the new tile; `to[cell]`, the cell that the tile of `cell`
 *   ends in (-1 for an empty cell); the points; whether anything moved
 */
export function slide(board, action) {
  const slid = new Uint8Array(16);
  const to = new Int8Array(16).fill(-1);
  let reward = 0;
  let moved = false;
  for (const line of LINES[action]) {
    let end = -1; // the last cell filled in this line
    let next = 0;
    let mergeable = false; // a tile that comes from a merge rests for this move
    for (const cell of line) {
      const exponent = board[cell];
      if (exponent === 0) continue;
      if (mergeable && slid[end] === exponent && exponent < MAX_EXPONENT) {
        slid[end] = exponent + 1;
        reward += 2 ** (exponent + 1);
        mergeable = false;
      } else {
        end = line[next++];
        slid[end] = exponent;
        mergeable = true;
      }
      to[cell] = end;
      moved ||= end !== cell;
    }
  }
  return { board: slid, to, reward, moved };
}

/** Whether no action moves anything. */
export function isOver(board) {
  return !ACTIONS.some((action) => slide(board, action).moved);
}
