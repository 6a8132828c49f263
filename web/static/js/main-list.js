/** The page with the list of games: load, load more, upload where the server takes it from a page. */

import { fetchGames, uploadGame } from './api.js';
import { appendGames } from './list-view.js';
import { bindTheme } from './theme.js';

const byId = (id) => document.getElementById(id);

let cursor = null;

/** Run an action with its button off; what fails is told in the page. */
async function attempt(button, action) {
  showError(null);
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    showError(error);
  }
  button.disabled = false;
}

function showError(error) {
  byId('error').hidden = error === null;
  if (error === null) return;
  byId('error-title').textContent = error.status === 422
    ? 'This file is not a game that can be replayed.'
    : error.title ?? 'Something went wrong.';
  byId('error-detail').textContent = error.detail ?? error.message;
}

async function loadPage() {
  const { games, next, writes } = await fetchGames(cursor);
  const first = cursor === null;
  cursor = next;
  appendGames(games);
  byId('upload-open').hidden = byId('empty-upload').hidden = writes !== 'open';
  if (first) {
    byId('games').hidden = games.length === 0;
    byId('empty').hidden = games.length > 0;
  }
  byId('more').hidden = next === null;
}

async function upload(file) {
  const { id } = await uploadGame(await file.text());
  location.assign(`/games/${encodeURIComponent(id)}`);
}

function bindUpload() {
  const input = byId('upload');
  byId('upload-open').addEventListener('click', () => input.click());
  input.addEventListener('change', async () => {
    const [file] = input.files;
    if (file) await attempt(byId('upload-open'), () => upload(file));
    input.value = ''; // so that the same file can be chosen again
  });
}

async function main() {
  bindTheme(byId('theme'));
  bindUpload();
  byId('more').addEventListener('click', () => attempt(byId('more'), loadPage));
  await attempt(byId('more'), loadPage);
  document.documentElement.dataset.ready = '1';
}

main();
