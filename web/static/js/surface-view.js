/** A surface from above, in bands of equal height, and paths on it. */

import { colourOf, drawGrid, mix, prepare, rgb } from './canvas.js';
import { heightAt, REACH } from './surface.js';

/** Bands; deep ones are narrow, so that hollows show. */
const BANDS = 14;

/** The place on the surface under a pointer. */
export function placeAt(event) {
  const box = event.target.getBoundingClientRect();
  return {
    x: REACH * (2 * ((event.clientX - box.left) / box.width) - 1),
    y: REACH * (1 - 2 * ((event.clientY - box.top) / box.height)),
  };
}

/** @param {{points: number[], colour: string}[]} paths x and y of each step */
export function drawSurface(canvas, start, paths) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  drawGround(context, start, width, height);
  const x = (value) => (0.5 + value / (2 * REACH)) * width;
  const y = (value) => (0.5 - value / (2 * REACH)) * height;
  const edge = rgb(colourOf('--dot-edge'));
  context.lineJoin = 'round';
  for (const { points, colour } of paths) {
    const ink = rgb(colourOf(colour));
    for (const [lineWidth, style] of [[4.5, edge], [2.5, ink]]) {
      context.beginPath();
      for (let i = 0; i < points.length; i += 2) context.lineTo(x(points[i]), y(points[i + 1]));
      Object.assign(context, { lineWidth, strokeStyle: style });
      context.stroke();
    }
    context.beginPath();
    context.arc(x(points.at(-2)), y(points.at(-1)), 6, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: ink, strokeStyle: edge, lineWidth: 2 });
    context.fill();
    context.stroke();
  }
}

/** Bands between the lowest and the highest place, at half the resolution of the screen. */
function drawGround(context, start, width, height) {
  const [deep, high] = [colourOf('--deep'), colourOf('--high')];
  const [columns, rows] = [Math.round(width / 2), Math.round(height / 2)];
  const low = Math.min(...start.heights);
  const range = Math.max(...start.heights) - low;
  const colour = (i) => {
    const x = REACH * (2 * (((i % columns) + 0.5) / columns) - 1);
    const y = REACH * (1 - 2 * ((Math.floor(i / columns) + 0.5) / rows));
    const part = ((heightAt(start, x, y) - low) / range) ** 0.4;
    return mix(deep, high, Math.floor(Math.min(part, 0.999) * BANDS) / (BANDS - 1));
  };
  drawGrid(context, columns, rows, colour, [0, 0, width, height], true);
}
