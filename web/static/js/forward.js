/**
 * A network forwards: steps in a row, as the server exports them (`server/workers/networks.py`).
 *
 * What goes from step to step is `{shape, data}`, without a batch: an image is [channels, height, width], numbers in a
 * row are [n]. Sums are taken in double precision, so that their order does not matter.
 */

/** y = W x + b, for W [outputs, inputs]. */
export function linear({ data: x }, { weight, bias }) {
  const [n, m] = weight.shape;
  const w = weight.data;
  const y = new Float32Array(n);
  for (let i = 0, at = 0; i < n; i++) {
    let sum = bias ? bias.data[i] : 0;
    for (let j = 0; j < m; j++) sum += w[at++] * x[j];
    y[i] = sum;
  }
  return { shape: [n], data: y };
}

/** The first and the last index of `n` outputs whose input `index * stride + shift` lies within 0..size-1. */
function within(n, size, stride, shift) {
  return [Math.max(0, Math.ceil(-shift / stride)), Math.min(n - 1, Math.floor((size - 1 - shift) / stride))];
}

/** Convolution (cross-correlation, as everywhere in the field) with kernels [outputs, inputs, side, side]. */
export function conv({ shape: [channels, height, width], data: x }, { weight, bias, stride = 1, padding = 0 }) {
  const [n, , side] = weight.shape;
  const h = Math.floor((height + 2 * padding - side) / stride) + 1;
  const w = Math.floor((width + 2 * padding - side) / stride) + 1;
  const y = new Float32Array(n * h * w);
  const sums = new Float64Array(h * w);
  for (let o = 0, at = 0; o < n; o++) {
    sums.fill(bias ? bias.data[o] : 0);
    for (let c = 0; c < channels; c++) {
      for (let ky = 0; ky < side; ky++) {
        const [top, bottom] = within(h, height, stride, ky - padding);
        for (let kx = 0; kx < side; kx++) {
          const factor = weight.data[at++];
          const [left, right] = within(w, width, stride, kx - padding);
          for (let row = top; row <= bottom; row++) {
            const from = (c * height + row * stride + ky - padding) * width + kx - padding;
            const to = row * w;
            for (let column = left; column <= right; column++) sums[to + column] += factor * x[from + column * stride];
          }
        }
      }
    }
    y.set(sums, o * h * w);
  }
  return { shape: [n, h, w], data: y };
}

/** Transposed convolution with kernels [inputs, outputs, side, side]: every input pixel adds a kernel. */
export function transposed({ shape: [channels, height, width], data: x }, { weight, bias, stride = 1, padding = 0 }) {
  const [, n, side] = weight.shape;
  const h = (height - 1) * stride - 2 * padding + side;
  const w = (width - 1) * stride - 2 * padding + side;
  const sums = new Float64Array(n * h * w);
  for (let o = 0; o < n; o++) sums.fill(bias ? bias.data[o] : 0, o * h * w, (o + 1) * h * w);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let o = 0; o < n; o++) {
      for (let ky = 0; ky < side; ky++) {
        const [top, bottom] = within(height, h, stride, ky - padding);
        for (let kx = 0; kx < side; kx++) {
          const factor = weight.data[at++];
          const [left, right] = within(width, w, stride, kx - padding);
          for (let row = top; row <= bottom; row++) {
            const from = (c * height + row) * width;
            const to = (o * h + row * stride + ky - padding) * w + kx - padding;
            for (let column = left; column <= right; column++) sums[to + column * stride] += factor * x[from + column];
          }
        }
      }
    }
  }
  return { shape: [n, h, w], data: Float32Array.from(sums) };
}

/** A factor and a summand for each channel: what a normalisation is after training. */
export function scale({ shape, data: x }, { factor, summand }) {
  const size = x.length / shape[0];
  return { shape, data: x.map((value, i) => value * factor.data[(i / size) | 0] + summand.data[(i / size) | 0]) };
}

/** The largest value of each square. */
export function pool({ shape: [channels, height, width], data: x }, { size }) {
  const [h, w] = [Math.floor(height / size), Math.floor(width / size)];
  const y = new Float32Array(channels * h * w);
  for (let i = 0; i < y.length; i++) {
    const start = (Math.floor(i / w) % h) * size * width + (i % w) * size + Math.floor(i / (w * h)) * height * width;
    let most = -Infinity;
    for (let k = 0; k < size * size; k++) most = Math.max(most, x[start + Math.floor(k / size) * width + (k % size)]);
    y[i] = most;
  }
  return { shape: [channels, h, w], data: y };
}

const logistic = (x) => 1 / (1 + Math.exp(-x));

function softmax({ shape, data }) {
  const most = Math.max(...data);
  const powers = Float64Array.from(data, (x) => Math.exp(x - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return { shape, data: Float32Array.from(powers, (power) => power / sum) };
}

const STEPS = {
  linear,
  conv,
  transposed,
  scale,
  pool,
  softmax,
  reshape: ({ data }, { shape }) => ({ shape, data }),
  relu: ({ shape, data }) => ({ shape, data: data.map((x) => Math.max(x, 0)) }),
  silu: ({ shape, data }) => ({ shape, data: data.map((x) => x * logistic(x)) }),
  sigmoid: ({ shape, data }, { contrast = 1 }) => ({ shape, data: data.map((x) => logistic(contrast * x)) }),
};

/** A network from a bundle: its steps, each with its arrays in place of their names. */
export function networkOf({ header, arrays }) {
  return header.steps.map((step) => {
    if (!Object.hasOwn(STEPS, step.type)) throw new Error(`a step ${step.type} is unknown`);
    return Object.fromEntries(Object.entries(step).map(([key, value]) => [key, arrays[value] ?? value]));
  });
}

/** What comes out of every step. */
export function outputsOf(network, input) {
  const outputs = [];
  for (const step of network) outputs.push(STEPS[step.type](outputs.at(-1) ?? input, step));
  return outputs;
}

/** What comes out of the last step, as numbers in a row. */
export const answerOf = (network, input) => outputsOf(network, input).at(-1).data;
