/** Save a game that was played here to the library, where the server takes it from this page. */

import { fetchGames, sendGame } from './games-api.js';
import { keepToken, token } from './token.js';

const byId = (id) => document.getElementById(id);

/** Let the button save the game `gameOf()` up to the ply `plyOf()`; `tell(words, isProblem)` hears how it went. */
export async function bindSave(gameOf, plyOf, tell) {
  const button = byId('save');
  const dialog = byId('token');
  const attempt = () => save(button, gameOf(), plyOf(), tell);
  const { writes } = await fetchGames('limit=1');
  button.hidden = writes === 'off';
  button.addEventListener('click', () => {
    if (plyOf() === 0) tell('There is nothing to save before the first move.', true);
    else if (writes === 'token' && token() === '') dialog.showModal();
    else attempt();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'save') return;
    keepToken(byId('token-text').value.trim());
    attempt();
  });
}

async function save(button, game, ply, tell) {
  button.disabled = true;
  try {
    const file = new File([JSON.stringify(game.toRecord(ply))], 'game.json');
    const { id, created } = await sendGame(file, token());
    const link = document.createElement('a');
    link.href = `/games/${encodeURIComponent(id)}#${ply}`;
    link.textContent = 'Open the replay';
    tell(created ? 'Saved to the library. ' : 'It is in the library already. ');
    byId('status').append(link);
  } catch (error) {
    if (error.status === 401) keepToken('');
    tell(`It could not be saved. ${error.message}`, true);
  }
  button.disabled = false;
}
