/** Inside a network: what its first layer looks for and finds, and what the later ones make of it. */

import { layersOf, sheetOf, sizeInWords, strengths, strongest, weightImage } from './layers.js';
import { paintInk, paintSigned } from './pictures.js';

const byId = (id) => document.getElementById(id);
const MAX_SHOWN = 24; // units of the first layer
const NEURONS_A_ROW = 64;
const PIXELS_A_ROW = 224; // of maps

const FIRST = {
  linear:
    'Each neuron of the first layer has a weight for every pixel, shown as a picture: where it is blue, ink excites the '
    + 'neuron, where it is orange, ink calms it. These answer your drawing most strongly, the strongest first.',
  conv:
    'Each kernel of the first layer is a pattern of 3 × 3 weights that is looked for everywhere: blue where it wants '
    + 'ink, orange where it wants none. The large picture shows where in your drawing it finds the pattern.',
};

/** The largest value, to be shown white. */
const most = ({ data }) => data.reduce((largest, value) => Math.max(largest, value), 0);

export class LayersView {
  #units = [];
  #sheets = [];

  /** @param {object} network as of `networkOf`; null where it runs elsewhere */
  show(network, outputs) {
    byId('inside').hidden = outputs === null;
    if (outputs === null) return;
    const [first, ...later] = layersOf(network, outputs);
    byId('first-words').textContent = FIRST[first.type];
    this.#showUnits(first);
    this.#showLater(later);
  }

  #showUnits({ type, weight, output }) {
    const values = strengths(output);
    const isConv = type === 'conv';
    const shown = isConv ? [...values.keys()].slice(0, MAX_SHOWN) : strongest(values, MAX_SHOWN);
    this.#units = reuse(byId('units'), this.#units, shown.length, 'unit');
    byId('units').classList.toggle('maps', isConv);
    const brightest = most(output);
    shown.forEach((index, i) => {
      const item = this.#units[i];
      paintSigned(item.querySelector('.weights'), weightImage(weight, index));
      const map = item.querySelector('.map');
      map.hidden = !isConv;
      const size = output.data.length / output.shape[0];
      if (isConv) {
        paintInk(map, { shape: output.shape, data: output.data.subarray(index * size, (index + 1) * size) }, brightest);
      }
      item.querySelector('.fill').style.width = `${(100 * Math.max(values[index], 0)) / (brightest || 1)}%`;
    });
  }

  #showLater(layers) {
    this.#sheets = reuse(byId('later'), this.#sheets, layers.length, 'sheet');
    layers.forEach(({ output }, i) => {
      this.#sheets[i].querySelector('figcaption').textContent = `Layer ${i + 2}: ${sizeInWords(output)}`;
      const canvas = this.#sheets[i].querySelector('canvas');
      canvas.setAttribute('aria-label', `What layer ${i + 2} answers, the brighter the stronger`);
      const columns = output.shape.length === 3 ? Math.floor(PIXELS_A_ROW / output.shape[2]) : NEURONS_A_ROW;
      paintInk(canvas, sheetOf(output, Math.min(output.shape[0], columns)), most(output));
    });
    byId('later-words').hidden = layers.length === 0;
  }
}

/** So many copies of a template in a list, those that are there already among them. */
function reuse(list, items, n, template) {
  if (items.length === n) return items;
  const fresh = Array.from({ length: n }, () => byId(template).content.firstElementChild.cloneNode(true));
  list.replaceChildren(...fresh);
  return fresh;
}
