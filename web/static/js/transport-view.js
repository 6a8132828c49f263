/** Slider, ply field, buttons and speed of a game that is moved through. */

import { speedKey } from './speeds.js';
import { formatNumber } from './words.js';

const byId = (id) => document.getElementById(id);

export class TransportView {
  #ply = byId('ply');
  #slider = byId('slider');
  #play = byId('play');
  #playBack = byId('play-back');

  show({ ply }, { length, playing, direction, speed, open }) {
    this.#slider.max = length;
    this.#slider.value = ply;
    this.#slider.setAttribute('aria-valuetext', `Ply ${ply} of ${length}`);
    byId('length').textContent = formatNumber(length);
    if (document.activeElement !== this.#ply) this.#ply.value = ply;
    byId('speed').value = speedKey(speed);
    this.#showPlaying(this.#play, playing && direction > 0, 'Play');
    this.#showPlaying(this.#playBack, playing && direction < 0, 'Play backward');
    // aria-disabled and not disabled: a button keeps its focus at the end of the game.
    this.#disable(['first', 'back10', 'back'], ply === 0);
    this.#disable(['forward10', 'last'], ply === length);
    this.#disable(['forward'], ply === length && !open);
  }

  #disable(ids, is) {
    for (const id of ids) byId(id).setAttribute('aria-disabled', String(is));
  }

  #showPlaying(button, active, name) {
    button.classList.toggle('playing', active);
    button.setAttribute('aria-label', active ? 'Pause' : name);
    button.title = active ? 'Pause' : name;
  }
}
