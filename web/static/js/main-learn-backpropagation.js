/** The lesson on backpropagation: the plane, the plane bent, the network, the loss. */

import { onLookChange } from './canvas.js';
import { runLesson } from './lesson.js';
import { drawLines } from './line-chart.js';
import { drawNetwork } from './network-view.js';
import { drawBent, drawMap } from './plane-view.js';
import { unpack } from './unpack.js';

const byId = (id) => document.getElementById(id);

async function read(frame) {
  const [map, grid, bent] = await Promise.all([
    unpack(frame.map, Uint8Array), unpack(frame.grid, Int8Array), unpack(frame.bent, Int8Array),
  ]);
  return { ...frame, map, grid, bent };
}

function draw(frame, start, { frames, index }) {
  drawMap(byId('map'), frame, start);
  drawBent(byId('bent'), frame, start);
  const grads = byId('show-grads').checked;
  drawNetwork(byId('network'), start.layers, grads ? frame.grads : frame.weights, { grads });
  const told = frames.slice(0, index + 1);
  const line = { x: told.map(({ step }) => step), y: told.map(({ loss }) => loss), colour: '--accent' };
  drawLines(byId('loss'), [line], { end: start.n_steps, log: true });
}

const describe = ({ step, loss, right }, { labels }) =>
  `step ${step}: loss ${loss.toPrecision(2)}, ${right} of ${labels.length} right`;

const { redraw } = runLesson({ path: '/api/lessons/backpropagation', read, draw, describe });
byId('show-grads').addEventListener('change', redraw);
onLookChange(document.querySelectorAll('canvas'), redraw);
