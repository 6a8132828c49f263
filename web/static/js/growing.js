/**
 * A game that is being played: as a decoded record (`record.js`), but plies can be added and taken back.
 *
 * Its tiles are those of its seed, so that a saved game is the game of `game2048.Game` with the same moves.
 */

import { boardOf, codeOf } from './position.js';
import { MAX_SEED, drawTile, randomSeed, startBoard } from './random.js';
import { plyCharacter, plyCode, replay } from './record.js';
import { isOver, slide } from './rules.js';

const FIRST_CAPACITY = 128; // boards

/** The array, or a longer one with the same beginning. */
function widened(type, old, size) {
  const array = new type(size);
  if (old) array.set(old);
  return array;
}

export class GrowingGame {
  boards;
  scores;
  codes;
  length = 0;
  thoughts = null;
  /** What a player thought of the position at a ply: `{values, unit, who}`. */
  opinions = [];
  #segments = []; // [first ply, who plays from there]

  /**
   * @param {object} game
   * @param {number} game.seed
   * @param {Uint8Array | null} game.start null for the seed's own
   * @param {number} game.drawn tiles that the seed has given before
   * @param {number} game.score points that were made before
   * @param {boolean} game.seeded whether everything before came from the seed, so that a record may name it
   */
  constructor({ seed, start = null, drawn = start === null ? 2 : 0, score = 0, seeded = drawn === (start ? 0 : 2) }) {
    Object.assign(this, { seed, drawn, seeded });
    this.#reserve(FIRST_CAPACITY);
    this.boards.set(start ?? startBoard(seed));
    this.scores[0] = score;
  }

  /** A recorded game up to a ply, to be played on: by its seed, where that is known. */
  static from(record, ply) {
    const seeded = Number.isInteger(record.seed) && record.seed <= MAX_SEED;
    const game = new GrowingGame({
      seed: seeded ? record.seed : randomSeed(),
      start: record.boards.slice(0, 16),
      drawn: record.setUp ? 0 : 2,
      seeded,
    });
    record.codes.subarray(0, ply).forEach((code) => game.add(code, record.agent || 'unknown'));
    return game;
  }

  /** A game at a state (see `stateAt`); null if it is none. */
  static at(state, { seed, score = 0 }) {
    const [, drawn, code] = /^(\d{1,9})\.(\w{16})$/.exec(state) ?? [];
    const start = boardOf(code ?? '');
    return start && new GrowingGame({ seed, start, drawn: Number(drawn), score });
  }

  boardAt(ply) {
    return this.boards.subarray(16 * ply, 16 * ply + 16);
  }

  /** The board after the last ply. */
  get board() {
    return this.boardAt(this.length);
  }

  get over() {
    return isOver(this.board);
  }

  /** Where the game is at a ply, for the server and for addresses: tiles that the seed has given, and the board. */
  stateAt(ply) {
    return `${this.drawn + ply}.${codeOf(this.boardAt(ply))}`;
  }

  /** Who played the first `length` plies, in the order of their first move. */
  playersUntil(length) {
    return [...new Set(this.#segments.filter(([first]) => first < length).map(([, who]) => who))];
  }

  /** Make a move with the next tile of the seed; returns whether it was legal. */
  play(action, who) {
    const { board: after, moved } = slide(this.board, action);
    if (!moved) return false;
    const { cell, isFour } = drawTile(after, this.seed, this.drawn + this.length);
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
    if (this.#segments.at(-1)?.[1] !== who) this.#segments.push([this.length, who]);
    if (this.length + 1 === this.scores.length) this.#reserve(2 * this.scores.length);
    this.codes[this.length] = code;
    this.scores[this.length + 1] = this.scores[this.length] + reward;
    this.length++;
    this.board.set(after);
  }

  /** Take back all plies after the first `length`. */
  truncate(length) {
    this.length = Math.min(length, this.length);
    this.#segments = this.#segments.filter(([first]) => first < this.length);
    this.opinions.length = Math.min(this.opinions.length, this.length + 1);
  }

  /** The first `length` plies as JSON of the record's form. */
  toRecord(length = this.length) {
    return {
      format: 'game2048',
      version: 1,
      agent: (this.playersUntil(length).join(' + ') || 'nobody').slice(0, 200),
      seed: this.seeded ? this.seed : null,
      start: Array.from(this.boardAt(0)),
      plies: Array.from(this.codes.subarray(0, length), plyCharacter).join(''),
    };
  }

  /** The game as plain values, from which `restore` makes it again. */
  save() {
    const { seed, drawn, seeded, scores } = this;
    return { ...this.toRecord(), seed, drawn, seeded, score: scores[0], segments: this.#segments };
  }

  /** A saved game, up to where it is at `state` if one is given; null if it was never there. */
  static restore({ plies, segments, start, ...rest }, state = null) {
    const game = new GrowingGame({ ...rest, start: Uint8Array.from(start) });
    segments.forEach(([first, who], i) => game.append(plies.slice(first, segments[i + 1]?.[0]), who));
    if (state === null) return game;
    const ply = Number(state.split('.')[0]) - game.drawn;
    if (!(ply >= 0 && ply <= game.length) || game.stateAt(ply) !== state) return null;
    game.truncate(ply);
    return game;
  }

  /** Make room for so many boards. */
  #reserve(capacity) {
    this.boards = widened(Uint8Array, this.boards, 16 * capacity);
    this.scores = widened(Uint32Array, this.scores, capacity);
    this.codes = widened(Uint8Array, this.codes, capacity);
  }
}
