/** The drawing pad: mouse, pen or finger on a canvas. */

import { began, begunWith, continued, EMPTY, isEmpty, undone } from './drawing.js';
import { paintInk } from './pictures.js';

const PEN = 1 / 13; // width of the line, in sides of the pad

export class PadView {
  #canvas;
  #context;
  #changed;
  #drawing = EMPTY;
  #image = document.createElement('canvas'); // what the drawing begins with, at its own size
  #pointer = null;

  /** @param {() => void} changed called when something was drawn */
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { willReadFrequently: true });
    this.#changed = changed;
    canvas.addEventListener('pointerdown', (event) => this.#begin(event));
    canvas.addEventListener('pointermove', (event) => this.#go(event));
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => this.#end(event));
    this.#paint();
  }

  get isEmpty() {
    return isEmpty(this.#drawing);
  }

  clear() {
    this.#set(EMPTY);
  }

  undo() {
    this.#set(undone(this.#drawing));
  }

  /** Begin with an image `{shape, data}`, ink from 0 to 1. */
  show(image) {
    paintInk(this.#image, image);
    this.#set(begunWith(image));
  }

  /** What is drawn: `{shape, data}`, ink from 0 to 1. */
  read() {
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    return { shape: [height, width], data: Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255) };
  }

  #begin(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    event.preventDefault();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#set(began(this.#drawing, this.#place(event)));
  }

  #go(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.#set((events.length ? events : [event]).map((each) => this.#place(each)).reduce(continued, this.#drawing));
  }

  #end(event) {
    if (event.pointerId === this.#pointer) this.#pointer = null;
  }

  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [((clientX - left) * this.#canvas.width) / width, ((clientY - top) * this.#canvas.height) / height];
  }

  #set(drawing) {
    this.#drawing = drawing;
    this.#paint();
    this.#changed();
  }

  #paint() {
    const { width, height } = this.#canvas;
    const context = this.#context;
    context.fillStyle = 'black';
    context.fillRect(0, 0, width, height);
    if (this.#drawing.image) context.drawImage(this.#image, 0, 0, width, height);
    context.fillStyle = context.strokeStyle = 'white';
    Object.assign(context, { lineWidth: PEN * width, lineCap: 'round', lineJoin: 'round' });
    for (const [first, ...rest] of this.#drawing.strokes) {
      context.beginPath();
      context.arc(...first, (PEN * width) / 2, 0, 2 * Math.PI); // a line without length would leave nothing
      context.fill();
      context.beginPath();
      context.moveTo(...first);
      for (const point of rest) context.lineTo(...point);
      context.stroke();
    }
  }
}
