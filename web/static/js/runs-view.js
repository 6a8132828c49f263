/** The list of runs on the page. A row stays the same element for as long as its run is there. */

import { formatValue } from './charts.js';
import { MAX_CHOSEN } from './selection.js';
import { formatAgo, formatNumber } from './words.js';

/** How far a run is: "1,234 games". */
function progressOf({ last }) {
  if ('steps' in last) return `${formatNumber(last.steps)} steps`;
  if ('games' in last) return `${formatNumber(last.games)} games`;
  return 'epoch' in last ? `epoch ${formatNumber(last.epoch)}` : '';
}

/** How good it is, in the measure that it has: "score 12,345". */
function latestOf({ last }) {
  if ('mean_score' in last) return `score ${formatValue(last.mean_score)}`;
  if ('validation_accuracy' in last) return `${formatValue(last.validation_accuracy, true)} right`;
  return 'loss' in last ? `loss ${formatValue(last.loss)}` : '';
}

export class RunsView {
  #body = document.querySelector('#runs tbody');
  #rows = new Map();
  #choose;

  /** @param {(name: string) => void} choose called when a run is ticked or unticked */
  constructor(choose) {
    this.#choose = choose;
  }

  /** Show runs; `slots` are the chosen ones. */
  show(runs, slots) {
    const full = slots.filter((name) => name !== null).length >= MAX_CHOSEN;
    for (const run of runs) this.#update(this.#row(run.name), run, slots.indexOf(run.name), full);
    this.#arrange(runs.map((run) => run.name));
  }

  #row(name) {
    if (!this.#rows.has(name)) {
      const row = document.getElementById('run-row').content.firstElementChild.cloneNode(true);
      row.querySelector('.name').textContent = name;
      row.querySelector('input').addEventListener('change', () => this.#choose(name));
      this.#rows.set(name, row);
    }
    return this.#rows.get(name);
  }

  #update(row, run, slot, full) {
    const cell = (name) => row.querySelector(name);
    const box = cell('input');
    box.checked = slot >= 0;
    box.disabled = full && slot < 0;
    row.className = slot >= 0 ? `run-${slot + 1}` : '';
    cell('.algorithm').textContent = run.algorithm;
    cell('.progress').textContent = progressOf(run);
    cell('.latest').textContent = latestOf(run);
    cell('.dot').hidden = !run.running;
    cell('time').dateTime = run.updated_at;
    cell('time').textContent = run.running ? 'running' : formatAgo(run.updated_at, Date.now());
  }

  /** Bring rows into order without taking the focus away. */
  #arrange(names) {
    for (const [name, row] of this.#rows) {
      if (names.includes(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    const rows = names.map((name) => this.#rows.get(name));
    if (rows.every((row, i) => row === this.#body.children[i])) return;
    const focused = document.activeElement;
    this.#body.append(...rows);
    if (this.#body.contains(focused)) focused.focus({ preventScroll: true });
  }
}
