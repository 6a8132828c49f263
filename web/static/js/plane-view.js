/** Points of two classes in the plane: as a network sees them, and where its hidden layers send them. */

import { colourOf, drawGrid, mix, prepare, rgb } from './canvas.js';
import { UNIT } from './unpack.js';

const DOT = 6;

const dotEdge = () => rgb(colourOf('--dot-edge'));
const classColours = () => [colourOf('--class-0'), colourOf('--class-1')];

/** A dot with an edge that shows on any ground. */
function drawDot(context, x, y, colour, radius, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = rgb(colour);
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = edge;
  context.stroke();
}

const radiusOf = ({ labels }) => (labels.length > 10 ? DOT / 2 : DOT);

/** What the network says of each place; where it is undecided, the ground is pale. */
export function drawMap(canvas, { map }, start) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const colours = classColours();
  const pale = colourOf('--undecided');
  const shade = (i) => {
    const part = map[i] / 255;
    return mix(pale, colours[Number(part > 0.5)], Math.abs(2 * part - 1) * 0.7);
  };
  drawGrid(context, start.map_side, start.map_side, shade, [0, 0, width, height], true);
  const edge = dotEdge();
  const to = (value, size) => (0.5 + value / (2 * start.reach)) * size;
  start.labels.forEach((label, i) => {
    const [x, y] = start.points.slice(2 * i, 2 * i + 2);
    drawDot(context, to(x, width), height - to(y, height), colours[label], radiusOf(start), edge);
  });
}

/** Where the last hidden layer sends a grid of lines and the points, and the line that parts them there. */
export function drawBent(canvas, { grid, bent, weights }, start) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const margin = DOT + 2;
  const x = (value) => margin + (0.5 + value / 2) * (width - 2 * margin);
  const y = (value) => height - margin - (0.5 + value / 2) * (height - 2 * margin);
  const colours = classColours();
  shadeHalves(context, weights.slice(-3), colours, x, y);
  context.lineWidth = 1;
  context.strokeStyle = rgb(colourOf('--text'), 0.55);
  for (let line = 0; line < 2 * start.grid_lines; line += 1) {
    context.beginPath();
    for (let k = 0; k < start.grid_steps; k += 1) {
      const i = 2 * (line * start.grid_steps + k);
      context.lineTo(x(grid[i] / UNIT), y(grid[i + 1] / UNIT));
    }
    context.stroke();
  }
  const edge = dotEdge();
  start.labels.forEach((label, i) => {
    drawDot(context, x(bent[2 * i] / UNIT), y(bent[2 * i + 1] / UNIT), colours[label], radiusOf(start), edge);
  });
}

/** Tint the two sides of the line u h1 + v h2 + b = 0, and draw it. */
function shadeHalves(context, [u, v, b], colours, x, y) {
  const length = Math.hypot(u, v);
  if (length < 1e-6) return;
  const far = 4;
  const [nx, ny] = [u / length, v / length];
  const [cx, cy] = [(-b / length) * nx, (-b / length) * ny];
  const corner = (along, out) => [x(cx - along * ny + out * nx), y(cy + along * nx + out * ny)];
  [[-far, 0], [far, 1]].forEach(([out, label]) => {
    context.beginPath();
    [corner(-far, 0), corner(far, 0), corner(far, out), corner(-far, out)].forEach((p) => context.lineTo(...p));
    context.fillStyle = rgb(mix(colourOf('--undecided'), colours[label], 0.35));
    context.fill();
  });
  context.beginPath();
  context.moveTo(...corner(-far, 0));
  context.lineTo(...corner(far, 0));
  context.lineWidth = 2.5;
  context.strokeStyle = rgb(colourOf('--strong'));
  context.stroke();
}
