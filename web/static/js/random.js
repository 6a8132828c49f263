/**
 * The engine's random numbers: SplitMix64, one draw a tile.
 *
 * A game with a seed gets the same tiles here as in `game2048.Game`. Draw `i` of a seed is a formula of both, so that
 * a move taken back and made again brings the same tile again.
 */

const MASK = (1n << 64n) - 1n;
const GAMMA = 0x9e3779b97f4a7c15n;

/** The largest seed that a number of JavaScript holds exactly. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;

/** A new seed, short enough to be read out. */
export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

function mix(z) {
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

/** The 64 bits of draw `i`, counted from 0. */
function bitsOf(seed, i) {
  const state = mix((BigInt(seed) + GAMMA) & MASK);
  return mix((state + BigInt(i + 1) * GAMMA) & MASK);
}

/**
 * The tile that draw `i` of a seed puts on a board that has an empty cell.
 *
 * @returns {{cell: number, isFour: boolean}}
 */
export function drawTile(board, seed, i) {
  const bits = bitsOf(seed, i);
  const empty = Array.from(board.keys()).filter((cell) => board[cell] === 0);
  const k = Number(((bits >> 40n) * BigInt(empty.length)) >> 24n);
  return { cell: empty[k], isFour: ((bits >> 16n) & 0xffffffn) < 1677722n }; // 0.1 * 2**24
}

/** The board that a game begins with: draws 0 and 1. */
export function startBoard(seed) {
  const board = new Uint8Array(16);
  for (const i of [0, 1]) {
    const { cell, isFour } = drawTile(board, seed, i);
    board[cell] = isFour ? 2 : 1;
  }
  return board;
}
