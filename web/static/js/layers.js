/** The layers of a network, to look at: what each has learned, and what it answers. */

const WEIGHTED = new Set(['linear', 'conv']);

/**
 * The layers but the last, whose answers are probabilities: each weighted step, with what it is after its activation
 * and before anything is pooled.
 *
 * @returns {{type: string, weight: object, output: {shape: number[], data: Float32Array}}[]}
 */
export function layersOf(network, outputs) {
  const layers = [];
  let isOpen = false;
  network.forEach((step, i) => {
    if (WEIGHTED.has(step.type)) layers.push({ type: step.type, weight: step.weight, output: outputs[i] });
    isOpen = WEIGHTED.has(step.type) || (isOpen && step.type !== 'pool');
    if (isOpen) layers.at(-1).output = outputs[i];
  });
  return layers.slice(0, -1);
}

/** "16 maps of 28 × 28", "256 neurons". */
export function sizeInWords({ shape }) {
  return shape.length === 3 ? `${shape[0]} maps of ${shape[1]} × ${shape[2]}` : `${shape[0]} neurons`;
}

/** How strongly each channel or neuron answers: the largest value in it. */
export function strengths({ shape, data }) {
  const size = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => Math.max(...data.subarray(i * size, (i + 1) * size)));
}

/** The indices of the `n` largest values, the largest first; of equal ones the first. */
export function strongest(values, n) {
  return [...values.keys()].sort((a, b) => values[b] - values[a] || a - b).slice(0, n);
}

/** The weights of a neuron or a kernel as an image: those of an image's pixels, or of one channel. */
export function weightImage({ shape, data }, index) {
  const size = data.length / shape[0];
  const side = shape.length === 4 ? shape[3] : Math.round(Math.sqrt(size));
  return { shape: [side, side], data: data.subarray(index * size, index * size + side * side) };
}

/** Channels [n, height, width], or neurons in a row, side by side in one image; `columns` a row. */
export function sheetOf({ shape, data }, columns) {
  const [n, height, width] = shape.length === 3 ? shape : [shape[0], 1, 1];
  const gap = shape.length === 3 ? 1 : 0;
  const rows = Math.ceil(n / columns);
  const [h, w] = [rows * (height + gap) - gap, columns * (width + gap) - gap];
  const sheet = new Float32Array(h * w).fill(NaN); // NaN: nothing is there
  for (let i = 0; i < n * height * width; i++) {
    const [channel, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const [row, column] = [Math.floor(channel / columns), channel % columns];
    sheet[(row * (height + gap) + y) * w + column * (width + gap) + x] = data[i];
  }
  return { shape: [h, w], data: sheet };
}
