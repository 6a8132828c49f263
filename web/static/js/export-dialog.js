/** The dialog that hands out a game as a file, or as a moving picture that the server makes. */

import { ask } from './api.js';
import {
  FILES, PICTURES, SPEEDS, durationOf, exportPath, isPicture, objection, plyOf, wholeGame,
} from './exports.js';

const byId = (id) => document.getElementById(id);

function choiceOf([format, name, about]) {
  const choice = byId('export-choice').content.firstElementChild.cloneNode(true);
  choice.querySelector('input').value = format;
  choice.querySelector('.choice-name').textContent = name;
  choice.querySelector('.choice-about').textContent = about;
  return choice;
}

/** Have a picture made: afterwards the browser has it, and showing and saving it cost nothing. */
async function fetchPicture(path, signal) {
  const response = await ask(path, { signal });
  return (await response.blob()).size;
}

function sizeInWords(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export class ExportDialog {
  #dialog = byId('export');
  #form = byId('export-form');
  #game = null;
  #making = null; // what calls off the picture that is being made

  constructor() {
    byId('export-files').append(...FILES.map(choiceOf));
    byId('export-pictures').append(...PICTURES.map(choiceOf));
    this.#form.elements.speed.append(...SPEEDS.map((speed) => new Option(`${speed}×`, speed)));
    this.#form.addEventListener('input', () => this.#update());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    byId('export-make').addEventListener('click', () => this.#make());
    this.#dialog.querySelector('[data-close]').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#forget());
  }

  /**
   * Offer a game.
   *
   * @param {{id: string, length: number, words: string}} game
   * @param {{first: number, last: number, speed: string}} [range] plies that a picture shows at first
   */
  open(game, range = wholeGame(game.length)) {
    this.#game = game;
    byId('export-game').textContent = game.words;
    const fields = this.#form.elements;
    fields.format.value = FILES[0][0];
    for (const name of ['first', 'last', 'speed']) fields[name].value = range[name];
    fields.theme.value = document.documentElement.dataset.theme === 'classic' ? 'classic' : 'legible';
    this.#update();
    this.#dialog.showModal();
  }

  #asked() {
    const { format, first, last, speed, size, theme } = this.#form.elements;
    const { length } = this.#game;
    return {
      format: format.value, first: plyOf(first.value, length), last: plyOf(last.value, length),
      speed: speed.value, size: size.value, theme: theme.value,
    };
  }

  #update() {
    this.#forget();
    const asked = this.#asked();
    const picture = isPicture(asked.format);
    const wrong = picture ? objection(asked, this.#game.length) : '';
    byId('export-options').hidden = !picture;
    byId('export-make').hidden = !picture;
    byId('export-make').disabled = wrong !== '';
    byId('export-note').textContent = picture ? wrong || `It lasts ${durationOf(asked)}.` : '';
    this.#offer(picture ? null : exportPath(this.#game.id, asked));
  }

  /** Let the link lead to what is ready. */
  #offer(path) {
    const link = byId('export-link');
    link.hidden = path === null;
    if (path === null) link.removeAttribute('href');
    else link.href = path;
  }

  #forget() {
    this.#making?.abort();
    this.#making = null;
    byId('export-preview').replaceChildren();
    byId('export-preview').hidden = true;
  }

  async #make() {
    const asked = this.#asked();
    const path = exportPath(this.#game.id, asked);
    const making = this.#making = new AbortController();
    byId('export-make').disabled = true;
    byId('export-note').textContent = 'Drawing every move …';
    try {
      const bytes = await fetchPicture(path, making.signal);
      if (this.#making !== making) return;
      this.#preview(path, asked.format);
      byId('export-note').textContent = `Ready: ${sizeInWords(bytes)}.`;
      byId('export-make').hidden = true;
      this.#offer(path);
      byId('export-link').focus();
    } catch (error) {
      if (this.#making !== making) return;
      byId('export-note').textContent = error.detail || error.title || error.message;
      byId('export-make').disabled = false;
    }
  }

  #preview(path, format) {
    const shown = document.createElement(format === 'gif' ? 'img' : 'video');
    if (format === 'gif') shown.alt = 'The picture';
    else Object.assign(shown, { controls: true, loop: true, muted: true, playsInline: true, ariaLabel: 'The video' });
    shown.src = path;
    byId('export-preview').replaceChildren(shown);
    byId('export-preview').hidden = false;
  }
}
