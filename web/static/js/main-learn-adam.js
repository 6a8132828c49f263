/** The lesson on Adam: four paths on a surface, and the same four rules on a network. */

import { onLookChange } from './canvas.js';
import { runLesson } from './lesson.js';
import { drawLines } from './line-chart.js';
import { drawSurface, placeAt } from './surface-view.js';
import { heightAt } from './surface.js';
import { unpack } from './unpack.js';

const byId = (id) => document.getElementById(id);

/** What the rules are drawn with, in the order of the server. */
const COLOURS = ['--walker-1', '--walker-2', '--walker-3', '--walker-4'];

/** The paths and losses of all frames up to one. */
function joined(frames, part, rule) {
  return frames.flatMap((frame) => frame[part][rule]);
}

function draw(frame, start, { frames, index }) {
  const told = frames.slice(0, index + 1);
  const paths = start.rules.map((rule, i) => ({ points: joined(told, 'paths', rule), colour: COLOURS[i] }));
  drawSurface(byId('surface'), start, paths);
  start.rules.forEach((rule, i) => {
    const height = heightAt(start, ...paths[i].points.slice(-2));
    byId(`height-${rule}`).textContent = height === null ? 'off the map' : `height ${height.toFixed(2)}`;
  });
  drawLines(byId('losses'), start.rules.map((rule, i) => {
    const y = joined(told, 'losses', rule);
    return { x: y.map((_, step) => step), y, colour: COLOURS[i] };
  }), { end: start.n_steps, log: true, low: 1e-3 });
}

const { redraw, restart } = runLesson({
  path: '/api/lessons/adam',
  begin: async (start) => ({ ...start, heights: await unpack(start.map, Float32Array) }),
  draw,
  describe: ({ step }) => `step ${step}`,
  pace: 60,
});

byId('surface').addEventListener('click', (event) => {
  const { x, y } = placeAt(event);
  const { elements } = byId('settings');
  elements.x.value = x.toFixed(2);
  elements.y.value = y.toFixed(2);
  restart();
});
onLookChange(document.querySelectorAll('canvas'), redraw);
