/** Two boards that are moved by one viewer, with what is told of each game. */

import { BoardView } from './board-view.js';
import { onLookChange } from './canvas.js';
import { RaceView } from './race-view.js';
import { countMoves, formatDate, formatNumber } from './words.js';

const NAMES = ['left', 'right'];

export class SidesView {
  #roots = NAMES.map((name) => document.getElementById(`${name}-side`));
  #boards = NAMES.map((name) => new BoardView(document.getElementById(`${name}-board`)));
  #races = this.#roots.map((root) => new RaceView(root.querySelector('.race')));

  constructor() {
    onLookChange(this.#roots.map((root) => root.querySelector('.race')), () => this.#races.forEach((race) => race.draw()));
  }

  /** Write what stays the same for two games on a clock. */
  setUp(games, clock) {
    games.forEach((game, side) => {
      const link = document.getElementById(`${NAMES[side]}-agent`);
      link.textContent = game.agent || 'Unknown player';
      link.href = `/games/${game.id}`;
      this.#roots[side].querySelector('.about').textContent = [
        `${formatNumber(game.scores[game.length])} points`,
        countMoves(game.length),
        formatDate(game.createdAt),
      ].filter(Boolean).join(' · ');
      this.#races[side].setUp(clock, side, games);
    });
  }

  // --- as a board of the viewer ---

  show({ sides }) {
    sides.forEach((position, side) => this.#boards[side].show(position));
  }

  forward(before, after, pace) {
    return this.#both(before, after, (board, from, to) => board.forward(from, to, pace));
  }

  backward(after, before, pace) {
    return this.#both(after, before, (board, from, to) => board.backward(from, to, pace));
  }

  /** Move the boards that are one ply further or back; show the others as they are to be. */
  async #both(from, to, move) {
    const done = this.#boards.map((board, side) => {
      const [here, there] = [from.sides[side], to.sides[side]];
      if (Math.abs(there.ply - here.ply) === 1) return move(board, here, there);
      board.show(there);
      return true;
    });
    return (await Promise.all(done)).every(Boolean);
  }

  // --- beside the boards ---

  showFacts({ ply: tick, sides }) {
    const best = Math.max(...sides.map(({ score }) => score));
    sides.forEach((position, side) => {
      const root = this.#roots[side];
      root.querySelector('.score').textContent = formatNumber(position.score);
      root.querySelector('.max-tile').textContent = position.maxTile;
      root.querySelector('.ply').textContent = formatNumber(position.ply);
      root.classList.toggle('ahead', position.score === best);
      this.#races[side].show(tick);
      root.querySelector('.race').setAttribute('aria-label', `Score over the clock: ${formatNumber(position.score)} now`);
      const link = root.querySelector('h2 a');
      link.href = `${link.pathname}#${position.ply}`;
    });
  }
}
