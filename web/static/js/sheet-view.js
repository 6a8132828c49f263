/**
 * The sheet that a sentence is written on. A frame is what has changed since the one before, so that showing one means
 * laying all parts up to it on each other.
 *
 * @typedef {object} Part
 * @property {number} x
 * @property {number} y
 * @property {ImageBitmap} image
 */

import { bytesOf } from './base64.js';

/** Base64 of a PNG -> a picture that can be drawn. */
export async function picture(base64) {
  const bytes = bytesOf(base64);
  return createImageBitmap(new Blob([bytes], { type: 'image/png' }));
}

export class SheetView {
  #canvas;
  #shown = -1; // number of the frame that is shown

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Take a new sheet. */
  begin({ width, height }) {
    Object.assign(this.#canvas, { width, height });
    this.#shown = -1;
  }

  /** @param {Part[]} parts of all frames so far */
  show(parts, index) {
    const context = this.#canvas.getContext('2d');
    const from = index >= this.#shown ? this.#shown + 1 : 0;
    for (const { x, y, image } of parts.slice(from, index + 1)) context.drawImage(image, x, y);
    this.#shown = index;
  }
}
