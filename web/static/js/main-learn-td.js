/** The lesson on TD learning: a table of weights that fills, and games that get better. */

import { onLookChange } from './canvas.js';
import { runLesson } from './lesson.js';
import { drawLines } from './line-chart.js';
import { drawTable, lineAt } from './table-view.js';
import { unpack } from './unpack.js';
import { formatNumber } from './words.js';

const byId = (id) => document.getElementById(id);

const selects = [0, 1, 2, 3].map((i) => byId(`tile-${i}`));
let now = null; // the frame that is shown

const tileName = (exponent) => (exponent === 0 ? 'empty' : String(2 ** exponent));

function readLine() {
  if (!now) return;
  const line = selects.map((select) => Number(select.value));
  const value = now.frame.table[line.reduce((i, exponent) => i * now.start.n_exponents + exponent, 0)];
  byId('line-value').textContent = value === 0 ? 'no weight yet' : `${formatNumber(value)} points`;
}

function choose(line) {
  line.forEach((exponent, i) => { selects[i].value = exponent; });
  showTable();
}

function showTable() {
  if (!now) return;
  drawTable(byId('table'), now.frame.table, now.start.n_exponents, selects.map((select) => Number(select.value)));
  readLine();
}

function draw(frame, start, { frames, index }) {
  now = { frame, start };
  showTable();
  const told = frames.slice(0, index + 1);
  const x = told.map(({ games }) => games);
  const options = { end: start.n_games };
  drawLines(byId('scores'), [{ x, y: told.map(({ score }) => score), colour: '--accent' }], options);
  drawLines(byId('errors'), [{ x, y: told.map(({ error }) => error), colour: '--accent' }], options);
  byId('best').textContent = formatNumber(Math.max(...told.map(({ best }) => best)));
  byId('largest').textContent = Math.max(...told.map(({ tile }) => tile));
  byId('used').textContent = formatNumber(frame.used);
  byId('moves').textContent = formatNumber(frame.moves);
}

async function begin(start) {
  if (selects[0].length === 0) {
    selects.forEach((select) => {
      select.append(...Array.from({ length: start.n_exponents }, (_, e) => new Option(tileName(e), e)));
    });
    choose([1, 2, 3, 4]);
  }
  return start;
}

const { redraw } = runLesson({
  path: '/api/lessons/td',
  begin,
  read: async (frame) => ({ ...frame, table: await unpack(frame.table, Int16Array) }),
  draw,
  describe: ({ games, score }) => `${games} ${games === 1 ? 'game' : 'games'}: ${formatNumber(Math.round(score))} points`,
  pace: 200,
});

selects.forEach((select) => select.addEventListener('change', showTable));
for (const type of ['pointermove', 'pointerdown']) {
  byId('table').addEventListener(type, (event) => {
    if (now && (type === 'pointerdown' || event.pointerType === 'mouse')) choose(lineAt(event, now.start.n_exponents));
  });
}
onLookChange(document.querySelectorAll('canvas'), redraw);
