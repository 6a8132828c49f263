/**
 * The board on the page. All writes to its DOM are here.
 *
 * Each tile is one node, kept while the tile lives. A move first puts every
 * node where it ends, then animates it from where it was; so a move may be cut
 * short at any time by dropping its animations (`finish`), and what remains is
 * the position itself.
 */

import { slide } from './rules.js';

const SLIDE_MS = 100;
const APPEAR_MS = 200;
const APPEAR = { opacity: [0, 1], scale: [0, 1] };
const POP = { scale: [0, 1.2, 1] };
const VANISH = { opacity: [1, 0], scale: [1, 0] };

/** The `translate` of a cell; the step is the one in board.css. */
function offset(cell) {
  return `calc(${cell % 4} * var(--step)) calc(${cell >> 2} * var(--step))`;
}

/** Show `2 ** exponent` in a cell. The class names are the original game's. */
function place(tile, exponent, cell, extra = '') {
  const value = 2 ** exponent;
  tile.className = `tile tile-${value} tile-position-${(cell % 4) + 1}-${(cell >> 2) + 1} ${extra}`.trimEnd();
  tile.firstChild.textContent = value;
}

export class BoardView {
  #layer;
  #message;
  #tiles = new Array(16).fill(null); // the node in each cell
  #leaving = []; // nodes that go when the move is done
  #animations = [];

  /** @param {Element} root the element with `.tile-container` and `.game-message` */
  constructor(root) {
    this.#layer = root.querySelector('.tile-container');
    this.#message = root.querySelector('.game-message');
  }

  /** Show a position at once. */
  show({ board, over }) {
    this.finish();
    for (let cell = 0; cell < 16; cell++) {
      if (board[cell] === 0) this.#take(cell)?.remove();
      else place((this.#tiles[cell] ??= this.#create()), board[cell], cell);
    }
    this.#showMessage(over, false);
  }

  /**
   * Animate the move that leads from `before`, which is shown, to `after`.
   *
   * @param {number} pace 1 for the original's durations, 0.5 for half of them
   * @returns {Promise<boolean>} true when done, false if another change came first
   */
  forward(before, after, pace) {
    this.finish();
    const { to, board: slid } = slide(before.board, after.action);
    const tiles = new Array(16).fill(null);
    this.#tiles.forEach((tile, from) => {
      if (tile === null) return;
      const target = to[from];
      const merges = slid[target] !== before.board[from];
      place(tile, before.board[from], target);
      this.#slide(tile, from, target, pace);
      if (!merges) tiles[target] = tile;
      else {
        this.#leaving.push(tile);
        tiles[target] ??= this.#enter(slid[target], target, 'tile-merged', POP, pace);
      }
    });
    tiles[after.spawn] = this.#enter(after.board[after.spawn], after.spawn, 'tile-new', APPEAR, pace);
    this.#tiles = tiles;
    this.#showMessage(after.over, true);
    return this.#done();
  }

  /** Animate the same move backward, from `after`, which is shown, to `before`. */
  backward(before, after, pace) {
    this.finish();
    const { to } = slide(before.board, after.action);
    const tiles = new Array(16).fill(null);
    const spawned = this.#take(after.spawn);
    this.#leaving.push(spawned);
    this.#animate(spawned.firstChild, VANISH, { duration: SLIDE_MS * pace, fill: 'forwards' });
    before.board.forEach((exponent, from) => {
      if (exponent === 0) return;
      // Of two tiles that had merged, the first takes the node and the second gets a new one.
      const tile = this.#take(to[from]) ?? this.#create();
      place(tile, exponent, from);
      this.#slide(tile, to[from], from, pace);
      tiles[from] = tile;
    });
    this.#tiles = tiles;
    this.#showMessage(false, false);
    return this.#done();
  }

  /** End the running move now. */
  finish() {
    this.#animations.forEach((animation) => animation.cancel());
    this.#leaving.forEach((tile) => tile.remove());
    this.#animations = [];
    this.#leaving = [];
  }

  async #done() {
    const animations = this.#animations;
    await Promise.allSettled(animations.map((animation) => animation.finished));
    if (this.#animations !== animations) return false;
    this.finish();
    return true;
  }

  #create() {
    const tile = document.createElement('div');
    tile.append(document.createElement('div'));
    tile.firstChild.className = 'tile-inner';
    this.#layer.append(tile);
    return tile;
  }

  /** Take the node out of a cell; null if it is empty. */
  #take(cell) {
    const tile = this.#tiles[cell];
    this.#tiles[cell] = null;
    return tile;
  }

  /** A new tile, hidden until the slide is over. */
  #enter(exponent, cell, className, keyframes, pace) {
    const tile = this.#create();
    place(tile, exponent, cell, className);
    this.#animate(tile.firstChild, keyframes, {
      delay: SLIDE_MS * pace, duration: APPEAR_MS * pace, easing: 'ease', fill: 'backwards',
    });
    return tile;
  }

  #slide(tile, from, to, pace) {
    if (from === to) return;
    const keyframes = { translate: [offset(from), offset(to)] };
    this.#animate(tile, keyframes, { duration: SLIDE_MS * pace, easing: 'ease-in-out' });
  }

  #animate(element, keyframes, options) {
    this.#animations.push(element.animate(keyframes, options));
  }

  /** The game-over overlay: as in the original it fades in late, unless one jumps to it. */
  #showMessage(over, fades) {
    this.#message.hidden = !over;
    this.#message.classList.toggle('fades', over && fades);
  }
}
