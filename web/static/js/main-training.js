/** The training page: fetch the runs, keep them up to date, and put the views together. */

import { fetchRun, fetchRuns } from './api.js';
import { withAnswer } from './curves.js';
import { CurvesView } from './curves-view.js';
import { createPoller } from './poller.js';
import { RunsView } from './runs-view.js';
import { chosen, defaultRuns, hashOf, selectionFrom, toggled, without } from './selection.js';
import { bindTheme } from './theme.js';

/** ms between two looks: while a run is running, while none is, and after a failure. */
const WHILE_RUNNING = 2000;
const OTHERWISE = 10_000;
const AFTER_FAILURE = 5000;

const byId = (id) => document.getElementById(id);

const loaded = new Map(); // runs with their curves, by name
let listed = [];
let selection = selectionFrom(location.hash);
let isFirst = true;

const curvesView = new CurvesView();
const runsView = new RunsView((name) => select(toggled(selection, name)));
const poller = createPoller(refresh);

/** Look at something else: show what is there, and fetch what is missing. */
function select(next) {
  selection = next;
  history.replaceState(null, '', hashOf(selection));
  show();
  if (chosen(selection).some((name) => !loaded.has(name))) poller.now();
}

function show() {
  runsView.show(listed, selection.slots);
  byId('list').hidden = byId('curves').hidden = listed.length === 0;
  byId('empty').hidden = listed.length > 0;
  const runs = selection.slots.map((name, slot) => ({ run: loaded.get(name), slot })).filter(({ run }) => run);
  for (const name of ['log', 'smooth']) byId(name).checked = selection[name];
  curvesView.show(runs, selection);
}

function showLeftOut(n) {
  byId('left-out').hidden = n === 0;
  byId('left-out').textContent = `${n} older ${n === 1 ? 'run is' : 'runs are'} not listed.`;
}

/** Fetch what is new of a run; one that is gone by now is left to the next list. */
async function update(run) {
  const known = loaded.get(run.name);
  if (known && !run.running && !known.running && known.updated_at === run.updated_at) return;
  try {
    loaded.set(run.name, withAnswer(known, await fetchRun(run.name, known?.next)));
  } catch (error) {
    if (error.status !== 404) throw error;
    loaded.delete(run.name);
  }
}

async function refresh() {
  try {
    const answer = await fetchRuns();
    listed = answer.runs;
    if (isFirst && selection.slots.length === 0) selection = { ...selection, slots: defaultRuns(listed) };
    isFirst = false;
    selection = without(selection, new Set(listed.map((run) => run.name)));
    const names = chosen(selection);
    await Promise.all(listed.filter((run) => names.includes(run.name)).map(update));
    showLeftOut(answer.left_out);
    byId('error').hidden = true;
    show();
    return listed.some((run) => run.running) ? WHILE_RUNNING : OTHERWISE;
  } catch (error) {
    byId('error-title').textContent = error.title ?? 'Something went wrong.';
    byId('error-detail').textContent = error.detail ?? error.message;
    byId('error').hidden = false;
    return AFTER_FAILURE;
  }
}

function bindControls() {
  byId('axis').addEventListener('change', ({ target }) => select({ ...selection, axis: target.value }));
  for (const name of ['log', 'smooth']) {
    byId(name).addEventListener('change', ({ target }) => select({ ...selection, [name]: target.checked }));
  }
  window.addEventListener('hashchange', () => select(selectionFrom(location.hash)));
  document.addEventListener('visibilitychange', () => (document.hidden ? poller.pause() : poller.resume()));
}

async function main() {
  bindTheme(byId('theme'));
  bindControls();
  await poller.now();
  document.documentElement.dataset.ready = '1';
}

main();
