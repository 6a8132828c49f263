/** The weights of all rows of four tiles as a picture: squares of the first two tiles, in each the other two. */

import { colourOf, drawGrid, mix, prepare, rgb } from './canvas.js';

/** Points that have the full colour; smaller ones are stretched, as most are small. */
const FULL = 2000;
const LABEL = 30;

const strength = (value) => Math.min(1, Math.log1p(Math.abs(value) / 20) / Math.log1p(FULL / 20));

/** The row of tiles under a pointer, as exponents. */
export function lineAt(event, n) {
  const box = event.target.getBoundingClientRect();
  const cell = (position, size) =>
    Math.min(n * n - 1, Math.max(0, Math.floor(((position - LABEL) / (size - LABEL)) * n * n)));
  const row = cell(event.clientY - box.top, box.height);
  const column = cell(event.clientX - box.left, box.width);
  return [Math.floor(row / n), Math.floor(column / n), row % n, column % n];
}

/** @param {number[]} chosen the row of tiles that is marked */
export function drawTable(canvas, values, n, chosen) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const [bad, none, good] = ['--class-0', '--undecided', '--class-1'].map(colourOf);
  const side = n * n;
  const colour = (i) => {
    const [row, column] = [Math.floor(i / side), i % side];
    const [first, second, third, fourth] = [Math.floor(row / n), Math.floor(column / n), row % n, column % n];
    const value = values[((first * n + second) * n + third) * n + fourth];
    return mix(none, value < 0 ? bad : good, strength(value));
  };
  const [w, h] = [width - LABEL, height - LABEL];
  drawGrid(context, side, side, colour, [LABEL, LABEL, w, h]);
  context.strokeStyle = rgb(colourOf('--page'));
  context.lineWidth = 1;
  for (let k = 1; k < n; k += 1) {
    context.strokeRect(LABEL + (k * w) / n, LABEL, 0, h);
    context.strokeRect(LABEL, LABEL + (k * h) / n, w, 0);
  }
  drawLabels(context, n, w, h);
  const [first, second, third, fourth] = chosen;
  const x = LABEL + ((second * n + fourth) * w) / side;
  const y = LABEL + ((first * n + third) * h) / side;
  context.lineWidth = 2;
  context.strokeStyle = rgb(colourOf('--strong'));
  context.strokeRect(x - 2, y - 2, w / side + 4, h / side + 4);
}

function drawLabels(context, n, w, h) {
  context.fillStyle = rgb(colourOf('--text'));
  context.textBaseline = 'middle';
  for (let e = 0; e < n; e += 1) {
    const text = e === 0 ? '–' : e < 10 ? String(2 ** e) : `${2 ** (e - 10)}K`;
    context.textAlign = 'center';
    context.fillText(text, LABEL + ((e + 0.5) * w) / n, LABEL / 2);
    context.textAlign = 'right';
    context.fillText(text, LABEL - 4, LABEL + ((e + 0.5) * h) / n);
  }
}
