/** How likely the player finds each move: a bar a direction, where the record tells. */

import { ACTION_ARROWS, ACTION_NAMES, formatShare } from './words.js';

export class ThoughtsView {
  #rows;

  constructor(game) {
    const root = document.getElementById('thoughts');
    root.hidden = game.thoughts === null;
    this.#rows = Array.from(root.querySelectorAll('.thought'));
    this.#rows.forEach((row, action) => {
      row.querySelector('dt').textContent = `${ACTION_ARROWS[action]} ${ACTION_NAMES[action]}`;
    });
  }

  /** Show what the player thought before the next move; nothing at the end of the game. */
  show({ thoughts, next }) {
    this.#rows.forEach((row, action) => {
      const parts = thoughts?.[action] ?? 0;
      row.style.setProperty('--share', parts / 255);
      row.querySelector('.share').textContent = thoughts ? formatShare(parts) : '–';
      row.classList.toggle('chosen', thoughts !== null && action === next);
    });
  }
}
