/** The list of games on the page: a card for each. */

import { thumbnail } from './thumbnail-view.js';
import { countMoves, formatDate, formatNumber } from './words.js';

/** What a game is called in buttons and questions: "2,448 points by greedy". */
export const gameInWords = ({ score, agent }) => `${formatNumber(score)} points by ${agent || 'an unknown player'}`;

export class ListView {
  #list;
  #actions;
  #writable = false;

  /**
   * @param {Element} list
   * @param {{download: (game: object) => void, remove: (game: object) => void}} actions
   */
  constructor(list, actions) {
    this.#list = list;
    this.#actions = actions;
  }

  get count() {
    return this.#list.children.length;
  }

  /** Whether games can be deleted. */
  set writable(writable) {
    this.#writable = writable;
    for (const button of this.#list.querySelectorAll('.delete')) button.hidden = !writable;
  }

  clear() {
    this.#list.replaceChildren();
  }

  /** Add a page of games; `focus` moves to the first of them. */
  append(games, focus = false) {
    const cards = games.map((game) => this.#card(game));
    this.#list.append(...cards);
    if (focus) cards[0]?.querySelector('a').focus();
  }

  /** Take a game away, if it is still listed; the next one gets the focus. */
  remove(game) {
    const card = document.getElementById(`game-${game.id}`);
    if (card === null) return;
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    next?.querySelector('a').focus();
  }

  #card(game) {
    const card = document.getElementById('game-card').content.firstElementChild.cloneNode(true);
    const part = (name) => card.querySelector(`.${name}`);
    card.id = `game-${game.id}`;
    part('thumbnail').append(thumbnail(game.board));
    part('score').href = `/games/${encodeURIComponent(game.id)}`;
    part('score').textContent = `${formatNumber(game.score)} points`;
    part('swatch').textContent = game.max_tile;
    part('swatch').classList.add(`tile-${game.max_tile}`);
    part('moves').textContent = countMoves(game.n_moves);
    part('name').textContent = game.agent || 'Unknown player';
    part('set-up').hidden = !game.set_up;
    part('date').append(timeOf(game.created_at));
    this.#button(part('download'), 'Download', game, this.#actions.download);
    this.#button(part('delete'), 'Delete', game, this.#actions.remove);
    part('delete').hidden = !this.#writable;
    return card;
  }

  #button(button, verb, game, action) {
    button.ariaLabel = `${verb} the game of ${gameInWords(game)}`;
    button.title = verb;
    button.addEventListener('click', () => action(game));
  }
}

function timeOf(iso) {
  const time = document.createElement('time');
  time.dateTime = iso ?? '';
  time.textContent = formatDate(iso);
  return time;
}
