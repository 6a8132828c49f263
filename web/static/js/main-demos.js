/** The page of demos: says of each what has to be trained before it works. */

import { fetchKinds } from './models-api.js';
import { bindTheme } from './theme.js';

/** A demo works with any one of its kinds of models; without, show what trains the first. */
function showNeeds(card, kinds) {
  const own = card.dataset.kinds.split(' ').map((name) => kinds[name]).filter(Boolean);
  const needs = card.querySelector('.needs');
  needs.hidden = own.length === 0 || own.some(({ models }) => models.length > 0);
  needs.querySelector('code').textContent = own[0]?.command ?? '';
}

async function main() {
  bindTheme(document.getElementById('theme'));
  try {
    const kinds = await fetchKinds();
    for (const card of document.querySelectorAll('.card')) showNeeds(card, kinds);
  } catch {
    // Each demo says by itself what is wrong.
  }
  document.documentElement.dataset.ready = '1';
}

main();
