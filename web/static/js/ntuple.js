/**
 * The value of a board by an n-tuple network, as `agents/ntuple.py` has it: sums of table look-ups.
 *
 * V(s) = V_0 + unit * sum_i w[f_i(s)], with whole numbers as weights. The unit is a power of two, so that no sum is
 * rounded and the values are those of Python, to the bit. Pure: no DOM, no fetch.
 */

import { ACTIONS, slide } from './rules.js';

const HEX = '0123456789abcdef';
const LARGEST = 15; // a tile above 32768 looks like 32768
const FIRST_LARGE = 11; // 2048, the first tile that is counted
const MOST_COUNTED = 3;

/** Where the cells of a board lie after each of its eight rotations and reflections. */
const SYMMETRIES = [false, true].flatMap((transposed) => [0, 3].flatMap((flip) => [0, 3].map((mirror) =>
  Array.from({ length: 16 }, (_, cell) => {
    const [row, column] = transposed ? [cell % 4, cell >> 2] : [cell >> 2, cell % 4];
    return 4 * (row ^ flip) + (column ^ mirror);
  }))));

/** The four bits of each exponent, `length` places apart: indices are in Z-order. */
const spread = (length) => Float64Array.from({ length: 16 }, (_, exponent) =>
  [0, 1, 2, 3].reduce((sum, bit) => sum + ((exponent >> bit) & 1) * 2 ** (bit * length), 0));

/** Counted features of a saturated board: index into their table, and how long that is. */
const COUNTS = {
  empty: { size: 16, index: (board) => Math.min(board.filter((exponent) => exponent === 0).length, 15) },
  large: {
    size: 4 ** (LARGEST - FIRST_LARGE + 1),
    index(board) {
      let index = 0;
      for (let exponent = FIRST_LARGE; exponent <= LARGEST; exponent++) {
        const n = board.filter((other) => other === exponent).length;
        index += Math.min(n, MOST_COUNTED) * 4 ** (exponent - FIRST_LARGE);
      }
      return index;
    },
  },
};

/** Features of a pattern on all symmetric boards: where its table begins, the cells, and what each adds. */
function patternFeatures(pattern, start) {
  const cells = Array.from(pattern, (digit) => HEX.indexOf(digit)).sort((a, b) => a - b);
  const bits = spread(cells.length);
  return SYMMETRIES.map((symmetry) => {
    const seen = cells.map((cell) => symmetry[cell]);
    return (board) => {
      let index = start;
      for (let i = 0; i < seen.length; i++) index += bits[board[seen[i]]] * 2 ** i;
      return index;
    };
  });
}

export class NTupleNetwork {
  #features = [];
  #stageTiles;
  #stageSize = 0;
  #weights;
  #unit;
  #initial;

  /**
   * @param {{patterns: string[], counts: string[], stage_tiles: number[]}} shape as in `agents/networks.py`
   * @param {Int16Array} weights all tables, stage by stage
   * @param {{unit: number, initial: number}} scale points that a weight of 1 is worth, and V_0
   */
  constructor({ patterns, counts, stage_tiles: stageTiles }, weights, { unit, initial }) {
    for (const pattern of patterns) {
      this.#features.push(...patternFeatures(pattern, this.#stageSize));
      this.#stageSize += 16 ** pattern.length;
    }
    for (const name of counts) {
      const { size, index } = COUNTS[name];
      const start = this.#stageSize;
      this.#features.push((board) => start + index(board));
      this.#stageSize += size;
    }
    this.#stageTiles = [...stageTiles].sort((a, b) => a - b);
    const nWeights = this.#stageSize * 2 ** stageTiles.length;
    if (weights.length !== nWeights) throw new RangeError(`weights must be ${nWeights}, got ${weights.length}`);
    this.#weights = weights;
    this.#unit = unit;
    this.#initial = initial;
  }

  /** What a board is worth without V_0, points. */
  value(board) {
    const seen = Array.from(board, (exponent) => Math.min(exponent, LARGEST));
    const first = this.#stageOf(seen) * this.#stageSize;
    let sum = 0;
    for (const feature of this.#features) {
      let index = first + feature(seen);
      while (this.#weights[index] === 0 && index >= this.#stageSize) index -= this.#stageSize; // weight promotion
      sum += this.#weights[index];
    }
    return this.#unit * sum;
  }

  /** What each move is worth, reward + value of the board after it, points as float32; null where it is illegal. */
  moveValues(board) {
    return this.#movesWithoutInitial(board).map((value) => (value === null ? null : Math.fround(value + this.#initial)));
  }

  /** The best move, the first among equals; null if the game is over. */
  bestMove(board) {
    const values = this.#movesWithoutInitial(board).map((value) => value ?? -Infinity);
    const best = Math.max(...values);
    return best === -Infinity ? null : values.indexOf(best);
  }

  #movesWithoutInitial(board) {
    return ACTIONS.map((action) => {
      const { board: after, reward, moved } = slide(board, action);
      return moved ? Math.fround(reward + this.value(after)) : null;
    });
  }

  /** The number whose bits say which of the tiles that make stages are there. */
  #stageOf(board) {
    return this.#stageTiles.reduce((stage, tile, bit) => stage + (board.includes(tile) ? 2 ** bit : 0), 0);
  }
}
