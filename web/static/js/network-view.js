/** A small network: neurons as circles, weights as lines, as thick as they are large. */

import { colourOf, prepare, rgb } from './canvas.js';
import { layersOf } from './network.js';

const RADIUS = 9;
const THICKEST = 7;
const LABEL_ROOM = 44;

/** @param {{grads: boolean}} kind gradients are drawn as large as they are beside the largest, weights as they are */
export function drawNetwork(canvas, sizes, numbers, { grads }) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const layers = layersOf(sizes, numbers);
  const largest = grads ? Math.max(1e-12, ...numbers.map(Math.abs)) : 3;
  const x = (layer) => LABEL_ROOM + (layer / (sizes.length - 1)) * (width - 2 * LABEL_ROOM);
  const y = (layer, i) => (height * (i + 0.5 + (Math.max(...sizes) - sizes[layer]) / 2)) / Math.max(...sizes);
  const [negative, positive] = [colourOf('--class-0'), colourOf('--class-1')];
  layers.forEach(({ weights }, layer) => weights.forEach((row, to) => row.forEach((weight, from) => {
    const part = Math.min(1, Math.abs(weight) / largest);
    context.lineWidth = 0.5 + part * THICKEST;
    context.strokeStyle = rgb(weight < 0 ? negative : positive, 0.35 + 0.65 * part);
    context.beginPath();
    context.moveTo(x(layer), y(layer, from));
    context.lineTo(x(layer + 1), y(layer + 1, to));
    context.stroke();
  })));
  const [face, edge] = [rgb(colourOf('--page')), rgb(colourOf('--strong'))];
  sizes.forEach((size, layer) => {
    for (let i = 0; i < size; i += 1) {
      context.beginPath();
      context.arc(x(layer), y(layer, i), Math.min(RADIUS, height / Math.max(...sizes) / 2 - 2), 0, 2 * Math.PI);
      context.fillStyle = face;
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = edge;
      context.stroke();
    }
  });
  context.fillStyle = rgb(colourOf('--text'));
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  ['x', 'y'].forEach((name, i) => context.fillText(name, x(0) - RADIUS - 6, y(0, i)));
  context.textAlign = 'left';
  context.fillText('says', x(sizes.length - 1) + RADIUS + 4, y(sizes.length - 1, 0));
}
