/** Arrows on the board: the better a move, the longer its arrow; the best, the one played, and a mistake stand out. */

import { FIRST_MISTAKE, strengthOf } from './analysis.js';

const SHORTEST = 0.3;

export class ArrowsView {
  #root;
  #arrows;

  /** @param {Element} root the drawing with one `.arrow` for each direction */
  constructor(root) {
    this.#root = root;
    this.#arrows = Array.from(root.querySelectorAll('.arrow'));
  }

  /**
   * @param {object[] | null} moves of `movesAt`; null shows nothing
   * @param {number | null} next the move that was played
   */
  show(moves, next) {
    this.#root.toggleAttribute('hidden', moves === null);
    if (moves === null) return;
    this.#arrows.forEach((arrow, action) => {
      const { ratio, best, label } = moves[action];
      arrow.toggleAttribute('hidden', Number.isNaN(ratio));
      arrow.classList.toggle('best', best);
      arrow.classList.toggle('played', action === next);
      arrow.classList.toggle('mistaken', action === next && label >= FIRST_MISTAKE);
      arrow.style.setProperty('--strength', SHORTEST + (1 - SHORTEST) * strengthOf(ratio));
    });
  }
}
