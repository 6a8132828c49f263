/** What becomes of the files that are being added. */

import { summary } from './uploads.js';
import { formatNumber } from './words.js';

const WORDS = {
  waiting: 'waiting', sending: 'sending …', added: 'added', known: 'was here already', refused: 'refused', unsent: 'not sent',
};

function rowOf({ name, state, game, reason }) {
  const row = document.createElement('li');
  row.className = `upload ${state}`;
  const file = document.createElement('strong');
  file.textContent = name;
  row.append(file, ` ${WORDS[state]}`);
  if (reason) row.append(`: ${reason}`);
  if (game) {
    const link = document.createElement('a');
    link.href = `/games/${encodeURIComponent(game.id)}`;
    link.textContent = `watch its ${formatNumber(game.score)} points`;
    row.append(', ', link);
  }
  return row;
}

export function showUploads(uploads) {
  const section = document.getElementById('uploads');
  section.hidden = uploads.length === 0;
  document.getElementById('uploads-title').textContent = uploads.length ? summary(uploads) : '';
  document.getElementById('uploads-list').replaceChildren(...uploads.map(rowOf));
}
