/** One model of the latent explorer: its picture, its map, and the way between two images. */

import { LatentSpace, byClass, mix } from './latent.js';
import { sheetOf } from './layers.js';
import { MapView } from './map-view.js';
import { answerOf, networkOf } from './forward.js';
import { paintInk } from './pictures.js';

const SIDE = 28;
const N_FRAMES = 11; // of the film
const N_TILES = 15; // a side of the backdrop
const BATCH_MS = 12; // of work on the backdrop a frame

export class LatentPanel {
  root = document.getElementById('panel').content.firstElementChild.cloneNode(true);
  /** The bundle of samples; null until there is one. */
  samples = null;
  /** The images of each class, as indices. */
  images = [];
  #decoder = null;
  #space = null;
  #map;
  #ends = null; // codes
  #tiles = 0; // what is being drawn of the backdrop; another number when it is something else

  constructor(title) {
    this.#part('h2').textContent = title;
    this.#map = new MapView(this.#part('.map canvas'), (place) => this.moveTo(place));
    const [x, y] = [this.#part('.x'), this.#part('.y')];
    for (const input of [x, y]) input.addEventListener('input', () => this.moveTo([x.valueAsNumber, y.valueAsNumber]));
    this.#part('.map canvas').setAttribute('aria-label', `Map of the latent space: ${title}`);
    this.#part('.works').hidden = true;
  }

  get isReady() {
    return this.samples !== null;
  }

  showMissing(command) {
    this.#part('.missing').hidden = false;
    this.#part('.missing code').textContent = command;
  }

  /** @param {object} weights, samples bundles */
  begin(weights, samples) {
    this.#decoder = networkOf(weights);
    this.#space = new LatentSpace(samples.arrays);
    this.#map.begin(this.#space.places, samples.arrays.labels.data, samples.header.classes);
    this.samples = samples;
    this.images = byClass(samples.arrays.labels.data, samples.header.classes.length);
    this.#part('.about').textContent = `784 pixels through ${samples.header.latent} numbers (${weights.header.run}).`;
    this.#part('.works').hidden = false;
  }

  /** Go from one image to another. */
  choose(from, to) {
    this.#ends = [this.#space.code(from), this.#space.code(to)];
    const frames = Array.from({ length: N_FRAMES }, (_, i) => this.#draw(mix(...this.#ends, i / (N_FRAMES - 1))));
    const data = Float32Array.from(frames.flatMap((frame) => [...frame]));
    paintInk(this.#part('.film'), sheetOf({ shape: [N_FRAMES, SIDE, SIDE], data }, N_FRAMES));
  }

  /** Be at a part t of the way. */
  go(t) {
    const code = mix(...this.#ends, t);
    this.#show(this.#space.placeOf(code), code);
  }

  /** Be anywhere on the map. */
  moveTo(place) {
    this.#show(place, this.#space.codeAt(place));
  }

  /** Show what is drawn everywhere on the map, a few pictures a frame, or the images again. */
  showEverywhere(isShown) {
    this.#tiles += 1;
    if (!isShown) {
      this.#map.backdrop = null;
      return;
    }
    const canvas = Object.assign(document.createElement('canvas'), { width: N_TILES * SIDE, height: N_TILES * SIDE });
    this.#drawTiles(canvas, 0, this.#tiles);
  }

  #drawTiles(canvas, start, task) {
    if (task !== this.#tiles) return;
    const tile = document.createElement('canvas');
    const end = performance.now() + BATCH_MS;
    let i = start;
    for (; i < N_TILES * N_TILES && (i === start || performance.now() < end); i++) {
      const [row, column] = [Math.floor(i / N_TILES), i % N_TILES];
      const place = [(column + 0.5) / N_TILES, 1 - (row + 0.5) / N_TILES];
      paintInk(tile, { shape: [SIDE, SIDE], data: this.#draw(this.#space.codeAt(place)) });
      canvas.getContext('2d').drawImage(tile, column * SIDE, row * SIDE);
    }
    this.#map.backdrop = canvas;
    if (i < N_TILES * N_TILES) requestAnimationFrame(() => this.#drawTiles(canvas, i, task));
  }

  #draw(code) {
    return answerOf(this.#decoder, { shape: [code.length], data: code });
  }

  #show(place, code) {
    paintInk(this.#part('.picture'), { shape: [SIDE, SIDE], data: this.#draw(code) });
    this.#map.show(this.#ends.map((end) => this.#space.placeOf(end)), place);
    [this.#part('.x').value, this.#part('.y').value] = place;
  }

  #part(selector) {
    return this.root.querySelector(selector);
  }
}
