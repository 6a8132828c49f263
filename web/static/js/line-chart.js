/** A small chart of lines on a canvas. */

import { colourOf, prepare, rgb } from './canvas.js';
import { formatTick } from './charts.js';
import { createAxis, rangeOf, ticks } from './scale.js';

const MARGIN = { top: 8, right: 10, bottom: 20, label: 6 };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{x: number[], y: number[], colour: string}[]} lines `colour`: its name in the style sheet
 * @param {{end: number, log?: boolean, low?: number, range?: number[], unit?: string}} options `end` of the x axis;
 *   `log`: the y axis is logarithmic, and begins at `low`; `range` of the y axis, if not that of the numbers
 */
export function drawLines(canvas, lines, { end, log = false, low = 1e-4, range: wanted = null, unit = '' }) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const values = lines.flatMap(({ y }) => y).filter(Number.isFinite);
  const range = wanted ?? (log ? [low, Math.max(1, ...values)] : rangeOf([0, ...values], 3));
  const rows = log ? powers(range) : ticks(range, 3);
  const labels = rows.map((row) => `${formatTick(row)}${unit}`);
  const left = Math.max(...labels.map((label) => context.measureText(label).width)) + MARGIN.label;
  const bottom = height - MARGIN.bottom;
  const across = createAxis([0, end]);
  const up = createAxis(range, { log });
  const x = (value) => left + across.to(value) * (width - MARGIN.right - left);
  const y = (value) => bottom - Math.min(Math.max(up.to(value), 0), 1) * (bottom - MARGIN.top);
  context.strokeStyle = rgb(colourOf('--line'));
  context.fillStyle = rgb(colourOf('--text'));
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  rows.forEach((row, i) => {
    context.beginPath();
    context.moveTo(left, Math.round(y(row)) + 0.5);
    context.lineTo(width - MARGIN.right, Math.round(y(row)) + 0.5);
    context.stroke();
    context.fillText(labels[i], left - MARGIN.label, y(row));
  });
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const tick of across.ticks(3)) {
    const label = formatTick(tick);
    context.fillText(label, Math.min(x(tick), width - context.measureText(label).width / 2), bottom + 6);
  }
  context.lineWidth = 2;
  context.lineJoin = 'round';
  for (const line of lines) {
    context.strokeStyle = rgb(colourOf(line.colour));
    context.beginPath();
    line.x.forEach((value, i) => context.lineTo(x(value), y(line.y[i])));
    context.stroke();
  }
}

/** Powers of ten within a range. */
function powers([low, high]) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  return Array.from({ length: Math.floor(Math.log10(high) + 1e-9) - first + 1 }, (_, i) => 10 ** (first + i));
}
