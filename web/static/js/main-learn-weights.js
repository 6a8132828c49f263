/** The lesson on weight images: ten pictures that grow, and how often they are right. */

import { colourOf, drawGrid, mix, onLookChange, prepare, rgb } from './canvas.js';
import { runLesson } from './lesson.js';
import { drawLines } from './line-chart.js';
import { UNIT, unpack } from './unpack.js';

const COLUMNS = 5;
const GAP = 6;
const LABEL = 18;

const byId = (id) => document.getElementById(id);

function drawImages({ images }, { classes, side }) {
  const place = prepare(byId('images'));
  if (!place) return;
  const { context, width, height } = place;
  const [against, none, inFavour] = ['--class-0', '--undecided', '--class-1'].map(colourOf);
  const ink = rgb(colourOf('--strong'));
  const rows = Math.ceil(classes.length / COLUMNS);
  const cell = Math.min((width - GAP * (COLUMNS - 1)) / COLUMNS, (height - (GAP + LABEL) * rows) / rows);
  const left = (width - COLUMNS * cell - GAP * (COLUMNS - 1)) / 2;
  classes.forEach((name, k) => {
    const x = left + (k % COLUMNS) * (cell + GAP);
    const y = Math.floor(k / COLUMNS) * (cell + GAP + LABEL) + LABEL;
    const colour = (i) => {
      const value = images[k * side * side + i] / UNIT;
      return mix(none, value < 0 ? against : inFavour, Math.abs(value));
    };
    drawGrid(context, side, side, colour, [x, y, cell, cell]);
    context.fillStyle = ink;
    context.textAlign = 'center';
    context.fillText(name, x + cell / 2, y - 5);
  });
}

function draw(frame, start, { frames, index }) {
  drawImages(frame, start);
  const told = frames.slice(0, index + 1);
  const line = { x: told.map(({ step }) => step), y: told.map(({ accuracy }) => 100 * accuracy), colour: '--accent' };
  drawLines(byId('accuracy'), [line], { end: start.n_steps, range: [0, 100], unit: ' %' });
}

const { redraw } = runLesson({
  path: '/api/lessons/weights',
  read: async (frame) => ({ ...frame, images: await unpack(frame.images, Int8Array) }),
  draw,
  describe: ({ step, accuracy }) => `step ${step}: ${(100 * accuracy).toFixed(1)} % right`,
});
onLookChange(document.querySelectorAll('canvas'), redraw);
