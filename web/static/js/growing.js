/**
 * A game that is being played: as a decoded record (`record.js`), but plies can be added and taken back.
 *
 * Its tiles are those of its seed, so that a saved game is the game of `game2048.Game` with the same moves.
 */

import { codeOf } from './position.js';
import { drawTile, startBoard } from './random.js';
import { plyCharacter, plyCode, replay } from './record.js';
import { isOver, slide } from './rules.js';

const FIRST_CAPACITY = 1024; // plies

export class GrowingGame {
  boards;
  scores;
  codes;
  length = 0;
  thoughts = null;
  #hands = []; // [first ply, who], where somebody takes over

  /**
   * @param {object} game
   * @param {number} game.seed
   * @param {Uint8Array | null} game.start null for a new game
   * @param {number} game.drawn tiles that the seed has given already
   * @param {number} game.score points that were made before the start
   */
  constructor({ seed, start = null, drawn = start === null ? 2 : 0, score = 0 }) {
    this.seed = seed;
    this.setUp = start !== null;
    this.baseDrawn = drawn;
    this.#reserve(FIRST_CAPACITY);
    this.boards.set(start ?? startBoard(seed));
    this.scores[0] = score;
  }

  /** The game of a decoded record up to a ply, to be played on. */
  static from(record, ply, seed) {
    const drawn = record.setUp ? 0 : 2;
    const game = new GrowingGame({ seed, start: record.boards.subarray(0, 16), drawn });
    game.setUp = record.setUp;
    record.codes.subarray(0, ply).forEach((code) => game.add(code, record.agent || 'unknown'));
    return game;
  }

  /** The board after the last ply. */
  get board() {
    return this.boards.subarray(16 * this.length, 16 * this.length + 16);
  }

  get score() {
    return this.scores[this.length];
  }

  get over() {
    return isOver(this.board);
  }

  /** Where the game is, for the server: tiles drawn so far, and the board. */
  get state() {
    return `${this.baseDrawn + this.length}.${codeOf(this.board)}`;
  }

  /** Who played, in the order of their first move. */
  get players() {
    return [...new Set(this.#hands.map(([, who]) => who))];
  }

  /** Make a move with the next tile of the seed; returns whether it was legal. */
  play(action, who) {
    const { board: after, moved } = slide(this.board, action);
    if (!moved) return false;
    const { cell, isFour } = drawTile(after, this.seed, this.baseDrawn + this.length);
    this.add((action << 5) | (cell << 1) | Number(isFour), who);
    return true;
  }

  /** Add plies as a record writes them. */
  append(plies, who) {
    for (let i = 0; i < plies.length; i++) this.add(plyCode(plies, i), who);
  }

  /** Add a ply by its code. */
  add(code, who) {
    const { after, reward } = replay(this.board, code, this.length + 1);
    if (this.#hands.at(-1)?.[1] !== who) this.#hands.push([this.length, who]);
    if (this.length + 1 === this.scores.length) this.#reserve(2 * this.length + 2);
    this.codes[this.length] = code;
    this.scores[this.length + 1] = this.score + reward;
    this.length++;
    this.board.set(after);
  }

  /** Take back all plies after the first `length`. */
  truncate(length) {
    this.length = Math.min(length, this.length);
    this.#hands = this.#hands.filter(([first]) => first < this.length);
  }

  /** The plies as a record writes them. */
  get plies() {
    return Array.from(this.codes.subarray(0, this.length), plyCharacter).join('');
  }

  /** The game as JSON of the record's form. */
  toRecord() {
    return {
      format: 'game2048',
      version: 1,
      agent: this.players.join(' + ') || 'nobody',
      seed: this.seed,
      start: Array.from(this.boards.subarray(0, 16)),
      plies: this.plies,
    };
  }

  /** Make room for so many boards. */
  #reserve(capacity) {
    const grown = (old, type, size) => {
      const array = new type(size);
      if (old) array.set(old);
      return array;
    };
    this.boards = grown(this.boards, Uint8Array, 16 * capacity);
    this.scores = grown(this.scores, Uint32Array, capacity);
    this.codes = grown(this.codes, Uint8Array, capacity);
  }
}
