/**
 * A latent space to walk in: codes of images, their places in a plane, and ways back from the plane to codes.
 *
 * A place says two numbers of a code. The others are taken from the images around, the nearer the more: the mean of
 * their codes, weighted by a Gaussian (E. Nadaraya, G. Watson, 1964). So what is decoded stays near what was learned.
 */

const REACH = 0.03; // standard deviation of the Gaussian, in widths of the plane
const MARGIN = 0.04;

/** (1 - t) a + t b. */
export const mix = (a, b, t) => Float32Array.from(a, (x, i) => (1 - t) * x + t * b[i]);

export class LatentSpace {
  #codes;
  #axes;
  #latent;
  #low;
  #span;
  /** Where each image lies in the plane: [x, y] from 0 to 1, y upwards. */
  places;

  /** @param {{codes: object, axes: object}} arrays of a bundle of samples */
  constructor({ codes, axes }) {
    this.#latent = codes.shape[1];
    this.#codes = codes.data;
    this.#axes = axes.data;
    const raw = Array.from({ length: codes.shape[0] }, (_, i) => this.#project(this.code(i)));
    const columns = [0, 1].map((k) => raw.map((place) => place[k]));
    this.#span = columns.map((values) => (Math.max(...values) - Math.min(...values) || 1) / (1 - 2 * MARGIN));
    this.#low = columns.map((values, k) => Math.min(...values) - MARGIN * this.#span[k]);
    this.places = raw.map((place) => this.#scaled(place));
  }

  /** The code of an image. */
  code(index) {
    return this.#codes.subarray(index * this.#latent, (index + 1) * this.#latent);
  }

  /** Where a code lies in the plane. */
  placeOf(code) {
    return this.#scaled(this.#project(code));
  }

  /** The code at a place of the plane. */
  codeAt([x, y]) {
    const distances = this.places.map(([u, v]) => (u - x) ** 2 + (v - y) ** 2);
    const nearest = Math.min(...distances);
    const code = new Float64Array(this.#latent);
    let total = 0;
    distances.forEach((distance, i) => {
      const weight = Math.exp((nearest - distance) / (2 * REACH * REACH));
      total += weight;
      for (let k = 0; k < code.length; k++) code[k] += weight * this.#codes[i * this.#latent + k];
    });
    return Float32Array.from(code, (sum) => sum / total);
  }

  #project(code) {
    return [0, 1].map((row) => code.reduce((sum, x, k) => sum + x * this.#axes[row * this.#latent + k], 0));
  }

  #scaled(place) {
    return place.map((value, k) => (value - this.#low[k]) / this.#span[k]);
  }
}

/** The images of each class: lists of indices, by label. */
export function byClass(labels, nClasses) {
  return Array.from({ length: nClasses }, (_, label) => [...labels.keys()].filter((i) => labels[i] === label));
}
