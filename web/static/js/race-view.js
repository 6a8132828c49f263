/** The score of one game over the clock of a comparison; the other game's is there too, faintly. */

import { prepare } from './canvas.js';
import { formatTick } from './charts.js';
import { rangeOf, ticks } from './scale.js';
import { formatNumber } from './words.js';

const MARGIN = { top: 6, right: 4, bottom: 20, label: 6 };

export class RaceView {
  #canvas;
  #lines; // this game's and the other's: scores by tick
  #length;
  #tick = 0;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /**
   * @param {object} clock of `createClock`
   * @param {number} side 0 or 1
   * @param {object[]} games decoded records
   */
  setUp(clock, side, games) {
    this.#length = clock.length;
    this.#lines = [side, 1 - side].map((which) => (tick) => games[which].scores[clock.plyAt(which, tick)]);
    this.draw();
  }

  show(tick) {
    this.#tick = tick;
    this.draw();
  }

  draw() {
    const place = prepare(this.#canvas);
    if (place === null || !this.#lines) return;
    const { context, width, height } = place;
    const style = getComputedStyle(this.#canvas);
    const range = rangeOf([0, ...this.#lines.map((scoreAt) => scoreAt(this.#length))], 3);
    const rows = ticks(range, 3);
    context.fillStyle = style.color;
    context.strokeStyle = style.borderTopColor;
    const left = Math.max(...rows.map((row) => context.measureText(formatTick(row)).width)) + MARGIN.label;
    const bottom = height - MARGIN.bottom;
    const x = (tick) => left + (width - MARGIN.right - left) * (this.#length === 0 ? 0 : tick / this.#length);
    const y = (score) => bottom - ((score - range[0]) / (range[1] - range[0])) * (bottom - MARGIN.top);
    this.#drawRows(context, rows, y, left, width);
    this.#drawLine(context, this.#lines[1], x, y, left, style.color, 0.35);
    this.#drawLine(context, this.#lines[0], x, y, left, style.accentColor, 1);
    context.fillStyle = style.color;
    context.fillRect(Math.round(x(this.#tick)) - 0.5, MARGIN.top, 1, bottom - MARGIN.top);
    context.textBaseline = 'bottom';
    context.textAlign = 'right';
    context.fillText(formatNumber(this.#length), width - MARGIN.right, height);
  }

  #drawRows(context, rows, y, left, width) {
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const row of rows) {
      context.beginPath();
      context.moveTo(left, Math.round(y(row)) + 0.5);
      context.lineTo(width - MARGIN.right, Math.round(y(row)) + 0.5);
      context.stroke();
      context.fillText(formatTick(row), left - MARGIN.label, y(row));
    }
  }

  /** A point for every pixel: scores only rise, so that nothing is missed between two of them. */
  #drawLine(context, scoreAt, x, y, left, colour, alpha) {
    const n = Math.max(1, Math.min(this.#length, Math.round(x(this.#length) - left)));
    context.strokeStyle = colour;
    context.globalAlpha = alpha;
    context.lineWidth = 2;
    context.beginPath();
    for (let i = 0; i <= n; i++) {
      const tick = Math.round((i * this.#length) / n);
      context.lineTo(x(tick), y(scoreAt(tick)));
    }
    context.stroke();
    context.globalAlpha = 1;
  }
}
