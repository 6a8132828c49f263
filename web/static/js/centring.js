/**
 * From a drawing to the image that a network sees, prepared as its training images were.
 *
 * MNIST: scaled into 20 x 20 pixels with its proportions, then the centre of mass put into the centre of 28 x 28
 * (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998). EMNIST: into 24 x 24, then the
 * bounding box in the centre (G. Cohen et al., "EMNIST", 2017).
 */

export const SIDE = 28;
export const STYLES = {
  digits: { box: 20, centre: 'mass' },
  letters: { box: 24, centre: 'box' },
};

/** What counts as ink when its bounds are looked for: the faint edge of a line does not. */
const THRESHOLD = 0.1;

/** The rectangle that holds the ink of an image, null if there is none. */
export function boundsOf({ shape: [height, width], data }) {
  let [top, left, bottom, right] = [height, width, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] <= THRESHOLD) continue;
      [top, bottom] = [Math.min(top, y), y];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
    }
  }
  return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
}

/** For each of `n` pixels along a side that had `length`: which of the old ones it covers, and how much of each. */
function coverage(length, n) {
  const step = length / n;
  return Array.from({ length: n }, (_, i) => {
    const [start, end] = [i * step, (i + 1) * step];
    const parts = [];
    for (let j = Math.floor(start); j < Math.min(length, Math.ceil(end)); j++) {
      parts.push([j, (Math.min(end, j + 1) - Math.max(start, j)) / step]);
    }
    return parts;
  });
}

/** A part of an image at another size: every new pixel is the mean of the area that it covers. */
export function resample({ shape: [, width], data }, { top, left, height: h, width: w }, [rows, columns]) {
  const [down, across] = [coverage(h, rows), coverage(w, columns)];
  const narrow = new Float64Array(h * columns);
  for (let y = 0; y < h; y++) {
    across.forEach((parts, x) => {
      for (const [j, share] of parts) narrow[y * columns + x] += share * data[(top + y) * width + left + j];
    });
  }
  const result = new Float32Array(rows * columns);
  down.forEach((parts, y) => {
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (const [j, share] of parts) sum += share * narrow[j * columns + x];
      result[y * columns + x] = sum;
    }
  });
  return { shape: [rows, columns], data: result };
}

/** The middle of the ink's mass, in pixels from the left and upper edge. */
export function centreOfMass({ shape: [, width], data }) {
  let [mass, y, x] = [0, 0, 0];
  data.forEach((ink, i) => {
    mass += ink;
    y += ink * (Math.floor(i / width) + 0.5);
    x += ink * ((i % width) + 0.5);
  });
  return [y / mass, x / mass];
}

/**
 * The image that the network sees, [1, 28, 28], null if nothing is drawn.
 *
 * @param {{shape: [number, number], data: ArrayLike<number>}} drawing ink from 0 to 1
 * @param {{box: number, centre: 'mass' | 'box'}} style
 */
export function prepare(drawing, { box, centre }) {
  const bounds = boundsOf(drawing);
  if (!bounds) return null;
  const factor = box / Math.max(bounds.height, bounds.width);
  const size = [bounds.height, bounds.width].map((length) => Math.max(1, Math.round(length * factor)));
  const small = resample(drawing, bounds, size);
  const middle = centre === 'mass' ? centreOfMass(small) : size.map((length) => length / 2);
  const [top, left] = middle.map((at, i) => Math.min(Math.max(Math.round(SIDE / 2 - at), 0), SIDE - size[i]));
  const image = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < size[0]; y++) {
    image.set(small.data.subarray(y * size[1], (y + 1) * size[1]), (top + y) * SIDE + left);
  }
  return { shape: [1, SIDE, SIDE], data: image };
}
