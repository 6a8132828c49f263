/** One chart: lines on a canvas, what they read at a position, and a guide that stands there. */

import { formatInterval, formatPlace, formatTick, formatValue } from './charts.js';
import { nearest } from './curves.js';
import { createAxis, rangeOf, ticks } from './scale.js';

const MARGIN = { top: 8, right: 10, bottom: 20, label: 6 };
const FIRST_DASHED = 4;

/** The title; a tile in it looks like one. */
function caption({ title, tile }) {
  if (!tile) return [title];
  const name = document.createElement('span');
  name.className = `tile tile-${tile}`;
  name.textContent = tile;
  return [title.replace(String(tile), ''), name];
}

/** The index of the point that is read at a place, null for the last one. */
const indexAt = ({ x, y }, place) => (place === null ? y.length - 1 : nearest(x, place));

/** All that a band reaches, so that there is room for it. */
const heightsOf = (band) => (band ?? []).flatMap(({ low, high }) => [low, high]);

export class ChartView {
  root;
  #chart;
  #canvas;
  #plot;
  #guide;
  #readout;
  #lines = [];
  #axis = null;
  #name = 'steps'; // of the axis
  #left = 0; // pixels where the axis begins and ends
  #right = 0;

  /** @param {(x: number | null) => void} point called with the place on the axis under the pointer */
  constructor(chart, point) {
    this.#chart = chart;
    this.root = document.getElementById('chart').content.firstElementChild.cloneNode(true);
    this.root.classList.toggle('wide', Boolean(chart.wide));
    this.root.dataset.key = chart.key;
    this.root.querySelector('figcaption').append(...caption(chart));
    this.#plot = this.root.querySelector('.plot');
    this.#canvas = this.root.querySelector('canvas');
    this.#guide = this.root.querySelector('.guide');
    this.#readout = this.root.querySelector('.readout');
    const at = (event) => point(this.#placeOf(event));
    this.#plot.addEventListener('pointermove', at);
    this.#plot.addEventListener('pointerdown', at);
    this.#plot.addEventListener('pointerleave', (event) => {
      if (event.pointerType === 'mouse') point(null); // what a finger points at stays
    });
  }

  /**
   * Draw lines over an axis.
   *
   * @param {{name: string, slot: number, x: number[], y: number[], raw: number[], band: Band | null}[]} lines
   *   `raw`: the values before smoothing, drawn faintly; the same array as `y` if there was none; `band`: see
   *   intervals.js
   */
  show(lines, axis, name) {
    this.#lines = lines;
    this.#axis = axis;
    this.#name = name;
    this.#readout.replaceChildren(...lines.map(({ name, slot }) => {
      const item = document.createElement('li');
      item.className = `run-${slot + 1}`;
      for (const part of ['line', 'name', 'value', 'interval']) {
        item.append(Object.assign(document.createElement('span'), { className: part }));
      }
      item.children[1].textContent = item.title = name;
      return item;
    }));
    this.#canvas.setAttribute('aria-label', this.#inWords());
    this.draw();
  }

  /** Show what the lines read at a place, null for their ends. */
  read(place) {
    this.#lines.forEach((line, i) => {
      const at = indexAt(line, place);
      this.#readout.children[i].querySelector('.value').textContent = this.#format(line.y[at]);
      this.#readout.children[i].querySelector('.interval').textContent = this.#interval(line, at);
    });
    this.#guide.hidden = place === null;
    if (place !== null) this.#guide.style.translate = `${this.#x(place)}px 0`;
  }

  /** The first thing that the chart says at a place, for those who do not see it. */
  readInWords(place) {
    return this.#lines
      .map((line) => {
        const at = indexAt(line, place);
        return [line.name, this.#format(line.y[at]), this.#interval(line, at)].filter(Boolean).join(' ');
      })
      .join(', ');
  }

  /** Draw everything anew, in the size and colours of the moment. */
  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0) return;
    const density = window.devicePixelRatio;
    this.#canvas.width = Math.round(width * density);
    this.#canvas.height = Math.round(height * density);
    const context = this.#canvas.getContext('2d');
    context.scale(density, density);
    const style = getComputedStyle(this.#canvas);
    context.font = `${style.fontSize} ${style.fontFamily}`;
    const n = this.#chart.wide ? 5 : 3;
    const yRange = rangeOf(this.#lines.flatMap(({ y, band }) => [...y, ...heightsOf(band)]), n);
    const yTicks = ticks(yRange, n);
    const labels = yTicks.map((tick) => formatTick(tick, this.#chart.percent));
    this.#left = Math.max(...labels.map((label) => context.measureText(label).width)) + MARGIN.label;
    this.#right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    const part = createAxis(yRange).to;
    const y = (value) => bottom - part(value) * (bottom - MARGIN.top);
    context.strokeStyle = style.borderTopColor;
    context.fillStyle = style.color;
    this.#drawRows(context, yTicks.map((tick, i) => [Math.round(y(tick)) + 0.5, labels[i]]));
    this.#drawPlaces(context, bottom, width);
    this.#drawLines(context, yRange, y);
  }

  #drawRows(context, rows) {
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const [y, label] of rows) {
      context.beginPath();
      context.moveTo(this.#left, y);
      context.lineTo(this.#right, y);
      context.stroke();
      context.fillText(label, this.#left - MARGIN.label, y);
    }
  }

  #drawPlaces(context, bottom, width) {
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (const tick of this.#axis.ticks(this.#chart.wide ? 6 : 3)) {
      const label = this.#axis.time ? formatPlace(tick, 'time') : formatTick(tick);
      const half = context.measureText(label).width / 2;
      context.fillText(label, Math.min(this.#x(tick), width - half), bottom + 6);
    }
  }

  #drawLines(context, yRange, y) {
    context.save();
    context.beginPath();
    context.rect(0, y(yRange[1]) - 2, this.#canvas.clientWidth, y(yRange[0]) - y(yRange[1]) + 4);
    context.clip(); // the raw values of a smoothed line may leave its range
    context.lineJoin = 'round';
    this.#lines.forEach((line, i) => {
      const swatch = this.#readout.children[i].querySelector('.line');
      context.strokeStyle = context.fillStyle = getComputedStyle(swatch).borderTopColor;
      if (line.band) this.#drawBand(context, line, y);
      if (line.raw !== line.y) this.#drawLine(context, line.x, line.raw, y, 1, 0.3);
      context.setLineDash(line.slot >= FIRST_DASHED ? [7, 4] : []);
      this.#drawLine(context, line.x, line.y, y, 2, 1);
      context.setLineDash([]);
    });
    context.restore();
  }

  #drawBand(context, { x: xs, band }, y) {
    context.globalAlpha = 0.18;
    context.beginPath();
    xs.forEach((x, i) => context.lineTo(this.#x(x), y(band[i].high)));
    xs.forEach((_, i) => context.lineTo(this.#x(xs.at(-1 - i)), y(band.at(-1 - i).low)));
    context.fill();
  }

  #drawLine(context, xs, ys, y, width, alpha) {
    context.globalAlpha = alpha;
    context.lineWidth = width;
    context.beginPath();
    xs.forEach((x, i) => context.lineTo(this.#x(x), y(ys[i])));
    context.stroke();
    if (xs.length !== 1) return;
    context.beginPath();
    context.arc(this.#x(xs[0]), y(ys[0]), 3, 0, 2 * Math.PI);
    context.fill();
  }

  /** From a number to pixels. */
  #x(value) {
    return this.#left + this.#axis.to(value) * (this.#right - this.#left);
  }

  #placeOf(event) {
    const x = event.clientX - this.#plot.getBoundingClientRect().left;
    return this.#axis.from(Math.min(Math.max((x - this.#left) / (this.#right - this.#left), 0), 1));
  }

  #format(value) {
    return value === undefined ? '–' : formatValue(value, this.#chart.percent);
  }

  #interval({ band }, at) {
    return band?.[at] ? `(${formatInterval(band[at], this.#chart.percent)})` : '';
  }

  #inWords() {
    const lines = this.#lines.map(({ name, x, y }) => {
      const end = x.length > 0 ? ` at ${formatPlace(x.at(-1), this.#name)}` : '';
      return `${name} from ${this.#format(y[0])} to ${this.#format(y.at(-1))}${end}`;
    });
    return `${this.#chart.title}: ${lines.join('; ')}`;
  }
}
