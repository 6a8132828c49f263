/** The opinion of a player beside the board and on it. */

import { ArrowsView } from './arrows-view.js';
import { MovesView, movesInWords } from './moves-view.js';
import { aboutOpinion, movesOf } from './opinion.js';

const byId = (id) => document.getElementById(id);

export class OpinionView {
  #moves = new MovesView(byId('opinion'));
  #arrows = new ArrowsView(byId('arrows'));

  /** Show an opinion, null for none; the move that was made then, if one was; and what to say where there is none. */
  show(opinion, next = null, otherwise = '\u00a0') {
    const moves = opinion && movesOf(opinion);
    this.#moves.show(moves, next, opinion?.unit);
    this.#arrows.show(moves, next);
    byId('opinion-about').textContent = opinion ? aboutOpinion(opinion) : otherwise;
  }

  /** An opinion for those who do not see it. */
  inWords(opinion) {
    const moves = movesOf(opinion);
    return moves ? movesInWords(moves, null, opinion.unit) : '';
  }
}
