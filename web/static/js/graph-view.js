/**
 * The whole game in one picture: score, what the player expects, and the largest tile, over plies.
 *
 * Pointing at a place goes there; the place is also a slider for keys and screen readers.
 */

import { FIRST_MISTAKE, LABELS } from './analysis.js';
import { onLookChange, prepare } from './canvas.js';
import { formatTick, formatValue } from './charts.js';
import { envelope } from './envelope.js';
import { createAxis, rangeOf, ticks } from './scale.js';
import { formatNumber } from './words.js';

const MARGIN = { top: 10, right: 10, bottom: 22, label: 6 };
const LINE_HEIGHT = 13; // of the labels at the axes
const MARK_HEIGHT = 6; // of a mistake, on the axis

export class GraphView {
  #root;
  #canvas;
  #place;
  #guide;
  #hover;
  #readout;
  #game;
  #largest;
  #milestones;
  #expectations = null;
  #analysis = null;
  #ply = 0;
  #left = 0; // pixels where the game begins and ends
  #right = 1;
  #waiting = false;

  /**
   * @param {Element} root the figure
   * @param {object} game a decoded record
   * @param {Uint8Array} largest exponent of the largest tile at every ply
   * @param {object[]} milestones
   * @param {(ply: number) => void} seek
   */
  constructor(root, game, largest, milestones, seek) {
    this.#root = root;
    this.#canvas = root.querySelector('canvas');
    this.#place = root.querySelector('.place-on-graph');
    this.#guide = root.querySelector('.guide');
    this.#hover = root.querySelector('.hover');
    this.#readout = root.querySelector('.readout');
    this.#game = game;
    this.#largest = largest;
    this.#milestones = milestones;
    this.#place.setAttribute('aria-valuemax', game.length);
    this.#bindPointer(seek);
    onLookChange([this.#canvas], () => this.#drawSoon());
  }

  /** Show what is known of the game now; null takes it away. */
  showAnalysis(analysis, expectations) {
    this.#analysis = analysis;
    this.#expectations = expectations;
    for (const element of this.#root.querySelectorAll('.of-analysis')) element.hidden = analysis === null;
    this.#root.querySelector('.value-name').textContent = analysis?.unit === 'points'
      ? 'Final score that the judge expects'
      : 'Value of the best move';
    this.#drawSoon();
  }

  /** Move the guide. */
  show({ ply }) {
    this.#ply = ply;
    this.#guide.style.translate = `${this.#x(ply)}px 0`;
    const words = this.#inWords(ply);
    this.#place.setAttribute('aria-valuenow', ply);
    this.#place.setAttribute('aria-valuetext', words);
    if (this.#hover.hidden) this.#readout.textContent = words;
  }

  // --- pointing ---

  #bindPointer(seek) {
    const { length } = this.#game;
    const plyAt = ({ clientX }) => {
      const x = clientX - this.#place.getBoundingClientRect().left;
      const part = (x - this.#left) / (this.#right - this.#left);
      return Math.round(Math.min(Math.max(part, 0), 1) * length);
    };
    let dragging = false;
    this.#place.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      dragging = true;
      this.#place.setPointerCapture(event.pointerId);
      seek(plyAt(event));
    });
    this.#place.addEventListener('pointermove', (event) => {
      const ply = plyAt(event);
      if (dragging) seek(ply);
      if (event.pointerType === 'mouse') this.#pointAt(ply);
    });
    for (const type of ['pointerup', 'pointercancel']) this.#place.addEventListener(type, () => { dragging = false; });
    this.#place.addEventListener('pointerleave', () => this.#pointAt(null));
  }

  #pointAt(ply) {
    this.#hover.hidden = ply === null;
    if (ply !== null) this.#hover.style.translate = `${this.#x(ply)}px 0`;
    this.#readout.textContent = this.#inWords(ply ?? this.#ply);
  }

  #inWords(ply) {
    const { scores } = this.#game;
    const parts = [`Ply ${formatNumber(ply)}`, `score ${formatNumber(scores[ply])}`];
    const expected = this.#expectations?.[ply] ?? NaN;
    if (!Number.isNaN(expected)) parts.push(`expected ${formatValue(expected)}`);
    parts.push(`tile ${2 ** this.#largest[ply]}`);
    const label = LABELS[this.#analysis?.labels[ply]];
    if (label) parts.push(`next: ${label.name}`);
    return parts.join(' · ');
  }

  // --- drawing ---

  #x(ply) {
    return this.#left + (this.#right - this.#left) * (this.#game.length === 0 ? 0 : ply / this.#game.length);
  }

  #drawSoon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #colour(name) {
    return getComputedStyle(this.#root.querySelector(`.swatch.${name}`)).color;
  }

  #draw() {
    const prepared = prepare(this.#canvas);
    if (prepared === null) return;
    const { context, width, height } = prepared;
    const style = getComputedStyle(this.#canvas);
    const { scores } = this.#game;
    const inPoints = this.#analysis?.unit === 'points';
    const points = rangeOf(inPoints ? [0, ...scores.subarray(-1), ...this.#known()] : [0, scores.at(-1)]);
    const labels = ticks(points, 4);
    const tiles = this.#tileTicks();
    const widest = (texts) => Math.max(...texts.map((text) => context.measureText(text).width));
    this.#left = widest(labels.map((tick) => formatTick(tick))) + MARGIN.label;
    this.#right = width - widest(tiles.map((exponent) => String(2 ** exponent))) - MARGIN.label;
    const bottom = height - MARGIN.bottom;
    const y = (range) => {
      const part = createAxis(range).to;
      return (value) => bottom - part(value) * (bottom - MARGIN.top);
    };
    context.fillStyle = style.color;
    context.strokeStyle = style.borderTopColor;
    const tileRange = [0, this.#largest.at(-1) + 0.5]; // it never shrinks
    this.#drawRows(context, labels.map((tick) => [y(points)(tick), formatTick(tick)]));
    this.#drawTileLabels(context, tiles.map((exponent) => [y(tileRange)(exponent), String(2 ** exponent)]), width);
    this.#drawPlies(context, bottom);
    this.#drawSeries(context, this.#largest, y(tileRange), this.#colour('largest'), [2, 3]);
    this.#drawSeries(context, scores, y(points), this.#colour('score'));
    if (this.#analysis !== null && this.#analysis.done > 0) {
      const scale = inPoints ? y(points) : y(rangeOf(this.#known()));
      this.#drawSeries(context, this.#expectations, scale, this.#colour('value'));
      this.#drawMistakes(context, bottom);
    }
    this.show({ ply: this.#ply });
  }

  /** The expectations that there are, two for each column of the picture. */
  #known() {
    const { low, high } = envelope(this.#expectations, 512);
    return [...low, ...high].filter((value) => !Number.isNaN(value));
  }

  /** Tiles with a mark of their own: the largest five. */
  #tileTicks() {
    const top = this.#largest.at(-1);
    return Array.from({ length: Math.min(5, top) }, (_, i) => top - Math.min(5, top) + 1 + i);
  }

  #drawRows(context, rows) {
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.lineWidth = 1;
    for (const [y, text] of rows) {
      context.beginPath();
      context.moveTo(this.#left, Math.round(y) + 0.5);
      context.lineTo(this.#right, Math.round(y) + 0.5);
      context.stroke();
      context.fillText(text, this.#left - MARGIN.label, y);
    }
  }

  #drawTileLabels(context, rows, width) {
    const { fillStyle } = context;
    context.textAlign = 'right';
    context.fillStyle = this.#colour('largest');
    let above = -Infinity;
    for (const [y, text] of rows.toReversed()) {
      if (y - above < LINE_HEIGHT) continue;
      context.fillText(text, width, y);
      above = y;
    }
    context.fillStyle = fillStyle;
  }

  #drawPlies(context, bottom) {
    const { length } = this.#game;
    context.textAlign = 'center';
    context.textBaseline = 'bottom';
    const n = Math.max(2, Math.floor((this.#right - this.#left) / 60));
    for (const ply of length === 0 ? [0] : ticks([0, length], n)) {
      if (this.#x(ply) < this.#right - 12) context.fillText(formatTick(ply), this.#x(ply), bottom + MARGIN.bottom);
    }
  }

  /** A line where there are fewer plies than pixels, else the smallest and largest of every column. */
  #drawSeries(context, values, y, colour, dashes = []) {
    context.strokeStyle = colour;
    context.lineWidth = 1.75;
    context.setLineDash(dashes);
    context.beginPath();
    const width = Math.max(1, Math.round(this.#right - this.#left));
    if (values.length <= width) {
      values.forEach((value, ply) => {
        if (!Number.isNaN(value)) context.lineTo(this.#x(ply), y(value));
      });
    } else {
      const { low, high } = envelope(values, width);
      low.forEach((value, column) => {
        if (Number.isNaN(value)) return;
        context.lineTo(this.#left + column + 0.5, y(value));
        context.lineTo(this.#left + column + 0.5, y(high[column]));
      });
    }
    context.stroke();
    context.setLineDash([]);
  }

  /** A mark on the axis where a mistake was made, the worst of every column. */
  #drawMistakes(context, bottom) {
    const worst = new Map();
    this.#analysis.labels.forEach((label, ply) => {
      if (label < FIRST_MISTAKE || label >= LABELS.length) return;
      const column = Math.round(this.#x(ply));
      worst.set(column, Math.max(worst.get(column) ?? 0, label));
    });
    const colours = LABELS.map((_, label) => (label < FIRST_MISTAKE ? '' : this.#colour(`label-${label}`)));
    for (const [column, label] of worst) {
      context.fillStyle = colours[label];
      context.fillRect(column - 1, bottom - MARK_HEIGHT / 2, 2, MARK_HEIGHT);
    }
  }
}
