/** The tiles' colours: legible ones, or the original's. Light or dark follows the system. */

import { load, save } from './settings.js';

const root = document.documentElement;

function apply(button, classic) {
  root.dataset.theme = classic ? 'classic' : 'legible';
  button.setAttribute('aria-pressed', String(classic));
}

export function bindTheme(button) {
  apply(button, load('theme', 'legible') === 'classic');
  button.addEventListener('click', () => {
    apply(button, root.dataset.theme !== 'classic');
    save('theme', root.dataset.theme);
  });
}
