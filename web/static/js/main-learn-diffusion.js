/** The lesson on diffusion: points on their way from noise to data, after more and more training. */

import { colourOf, onLookChange, prepare, rgb } from './canvas.js';
import { runLesson } from './lesson.js';
import { drawLines } from './line-chart.js';
import { UNIT, unpack } from './unpack.js';

const FRAME_MS = 1600;
const WAY_MS = 1100; // from noise to data

const byId = (id) => document.getElementById(id);
const time = byId('time');
let shown = null;
let begun = null; // when the points of the frame have set out; null: they stay where the slider says

/** @param {number} at step of the way, with parts: places in between are on a straight line */
function drawPoints(canvas, points, n, at, colour) {
  const place = prepare(canvas);
  if (!place) return;
  const { context, width, height } = place;
  const step = Math.min(Math.floor(at), points.length / (2 * n) - 1);
  const next = Math.min(step + 1, points.length / (2 * n) - 1);
  const between = (i) => points[2 * n * step + i] + (at - step) * (points[2 * n * next + i] - points[2 * n * step + i]);
  context.fillStyle = rgb(colourOf(colour), 0.8);
  for (let i = 0; i < n; i += 1) {
    const x = (0.5 + between(2 * i) / UNIT / 2) * width;
    const y = (0.5 - between(2 * i + 1) / UNIT / 2) * height;
    context.beginPath();
    context.arc(x, y, 2.5, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawWay(at) {
  drawPoints(byId('points'), shown.frame.points, shown.start.n_points, at, '--class-1');
}

function move(now) {
  if (begun === null) return;
  const part = Math.min(1, (now - begun) / WAY_MS);
  time.value = Math.round(part * shown.start.denoising_steps);
  drawWay(part * shown.start.denoising_steps);
  if (part < 1) requestAnimationFrame(move);
  else begun = null;
}

function draw(frame, start, { frames, index }) {
  const isNew = shown?.frame !== frame;
  shown = { frame, start };
  drawPoints(byId('data'), start.data, start.n_points, 0, '--class-0');
  const told = frames.slice(0, index + 1);
  const line = { x: told.map(({ step }) => step), y: told.map(({ distance }) => distance), colour: '--accent' };
  drawLines(byId('distance'), [line], { end: start.n_steps });
  if (isNew && byId('play').classList.contains('playing')) {
    begun = performance.now();
    requestAnimationFrame(move);
  } else if (begun === null) {
    drawWay(time.valueAsNumber);
  }
}

const { redraw } = runLesson({
  path: '/api/lessons/diffusion',
  begin: async (start) => {
    time.max = start.denoising_steps;
    return { ...start, data: await unpack(start.points, Int8Array) };
  },
  read: async (frame) => ({ ...frame, points: await unpack(frame.points, Int8Array) }),
  draw,
  describe: ({ step, distance }) => `step ${step}: distance ${distance.toFixed(3)}`,
  pace: FRAME_MS,
});

time.addEventListener('input', () => {
  begun = null;
  if (shown) drawWay(time.valueAsNumber);
});
onLookChange(document.querySelectorAll('canvas'), redraw);
