/** The list of games on the page. */

import { formatDate, formatNumber } from './words.js';

/** One game as a row, from the template in the page. */
function rowOf(game) {
  const row = document.getElementById('game-row').content.firstElementChild.cloneNode(true);
  const cell = (name) => row.querySelector(`.${name}`);
  const link = row.querySelector('a');
  link.href = `/games/${encodeURIComponent(game.id)}`;
  link.textContent = formatNumber(game.score);
  cell('swatch').textContent = game.max_tile;
  cell('swatch').classList.add(`tile-${game.max_tile}`);
  cell('moves').textContent = formatNumber(game.n_moves);
  cell('name').textContent = game.agent || 'Unknown player';
  cell('set-up').hidden = !game.set_up;
  cell('date').append(timeOf(game.created_at));
  return row;
}

function timeOf(iso) {
  const time = document.createElement('time');
  time.dateTime = iso ?? '';
  time.textContent = formatDate(iso);
  return time;
}

/** Add a page of games below those that are shown. */
export function appendGames(games) {
  document.querySelector('#games tbody').append(...games.map(rowOf));
}
