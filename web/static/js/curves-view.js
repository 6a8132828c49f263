/** The charts of the chosen runs: they share the axis and the position that they are read at. */

import { ChartView } from './chart-view.js';
import { chartsOf, columnOf, formatPlace } from './charts.js';
import { AXES, axisValues, pointsOf, reachOf, smooth } from './curves.js';
import { bandOfMeans, bandOfRates } from './intervals.js';
import { createAxis } from './scale.js';
import { showFigures, showSettings } from './tables-view.js';

const byId = (id) => document.getElementById(id);

/** The intervals of a curve, null if it has none. */
function bandOf({ interval }, raw, y, games, reach) {
  if (interval === 'means') return bandOfMeans(raw, y, reach);
  return interval === 'rates' && games ? bandOfRates(y, games, reach) : null;
}

export class CurvesView {
  #views = new Map();
  #box = byId('charts');
  #slider = byId('position');
  #axis = createAxis([0, 1]);
  #name = 'steps'; // of the axis
  #place = null; // null: the end of each line
  #runs = [];
  #charts = [];

  constructor() {
    this.#slider.addEventListener('input', () => {
      const part = this.#slider.valueAsNumber / Number(this.#slider.max);
      this.#read(part < 1 ? this.#axis.from(part) : null);
    });
    for (const id of ['settings', 'figures']) byId(id).addEventListener('toggle', () => this.#showTables());
    const redraw = () => this.#views.forEach((view) => view.draw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    new ResizeObserver(() => {
      redraw();
      this.#read(this.#place);
    }).observe(this.#box);
  }

  /** Show runs, each with the slot that it is drawn in, `{run, slot}`. */
  show(runs, selection) {
    this.#runs = runs.map(({ run }) => run);
    this.#charts = chartsOf(this.#runs);
    byId('nothing-chosen').hidden = runs.length > 0;
    byId('about-bands').hidden = !this.#charts.some(({ interval }) => interval);
    byId('controls').hidden = this.#charts.length === 0;
    for (const id of ['settings', 'figures']) byId(id).hidden = runs.length === 0;
    this.#showAxes(selection);
    this.#arrange();
    for (const chart of this.#charts) {
      const lines = runs.filter(({ run }) => columnOf(chart, run)).map(({ run, slot }) => {
        const { x, y: raw, games } = pointsOf(run, columnOf(chart, run), this.#name);
        const reach = selection.smooth ? reachOf(raw.length) : 0;
        const y = smooth(raw, reach);
        return { name: run.name, slot, x, raw, y, band: bandOf(chart, raw, y, games, reach) };
      });
      this.#views.get(chart.key).show(lines, this.#axis, this.#name);
    }
    this.#read(this.#place);
    this.#showTables();
  }

  /** Offer the axes that some run has, and take the range of the one that is wanted. */
  #showAxes({ axis: wanted, log }) {
    const there = AXES.filter((axis) => this.#runs.some((run) => axisValues(run, axis)));
    this.#name = there.includes(wanted) ? wanted : there[0] ?? 'steps';
    byId('axis').replaceChildren(...there.map((axis) => new Option(axis)));
    byId('axis').value = this.#name;
    const places = this.#runs.map((run) => axisValues(run, this.#name) ?? []);
    const end = Math.max(0, ...places.map((values) => values.at(-1) ?? 0)) || 1;
    const start = log ? Math.min(end, ...places.map((values) => values.find((value) => value > 0) ?? end)) : 0;
    this.#axis = createAxis([start, end], { log: start > 0, time: this.#name === 'time' });
    if (this.#place !== null && (this.#place < start || this.#place > end)) this.#place = null;
  }

  /** Make the views of new charts, drop those of old ones. */
  #arrange() {
    const keys = this.#charts.map(({ key }) => key);
    for (const key of this.#views.keys()) if (!keys.includes(key)) this.#views.delete(key);
    for (const chart of this.#charts) {
      if (!this.#views.has(chart.key)) this.#views.set(chart.key, new ChartView(chart, (place) => this.#read(place)));
    }
    const roots = keys.map((key) => this.#views.get(key).root);
    const same = roots.length === this.#box.children.length && roots.every((root, i) => root === this.#box.children[i]);
    if (!same) this.#box.replaceChildren(...roots);
  }

  #read(place) {
    this.#place = place;
    this.#slider.value = (place === null ? 1 : this.#axis.to(place)) * Number(this.#slider.max);
    const where = place === null ? 'the latest' : formatPlace(place, this.#name);
    byId('position-text').textContent = where;
    const first = this.#views.get(this.#charts[0]?.key);
    const values = first ? `, ${this.#charts[0].title}: ${first.readInWords(place)}` : '';
    this.#slider.setAttribute('aria-valuetext', `${where}${values}`);
    this.#views.forEach((view) => view.read(place));
  }

  #showTables() {
    if (byId('settings').open) showSettings(this.#runs);
    if (byId('figures').open) showFigures(this.#runs, this.#charts);
  }
}
