import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHalf, unpack } from '../../web/static/js/bundle.js';
import { layersOf, sheetOf, sizeInWords, strengths, strongest, weightImage } from '../../web/static/js/layers.js';
import { answerOf, conv, linear, networkOf, outputsOf, pool, transposed } from '../../web/static/js/forward.js';

const of = (shape, data) => ({ shape, data: Float32Array.from(data) });

test('half-precision numbers are those of IEEE 754', () => {
  const known = { 0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x3555: 0.333251953125, 0x7bff: 65504, 0x0001: 2 ** -24, 0x03ff: 1023 * 2 ** -24, 0x0400: 2 ** -14 };
  for (const [bits, value] of Object.entries(known)) assert.equal(fromHalf(Number(bits)), value);
  assert.ok(Object.is(fromHalf(0x8000), -0));
  assert.equal(fromHalf(0xfc00), -Infinity);
  assert.ok(Number.isNaN(fromHalf(0x7e00)));
});

test('a bundle holds a header and arrays', () => {
  const arrays = { a: { kind: 'f2', shape: [2], offset: 0 }, b: { kind: 'u1', shape: [1, 2], offset: 4 } };
  const text = JSON.stringify({ run: 'x', arrays });
  const head = text + ' '.repeat(-(text.length + 4) & 3);
  const bytes = Uint8Array.from([head.length, 0, 0, 0, ...new TextEncoder().encode(head), 0x00, 0x3c, 0x00, 0xc0, 7, 8]);

  const { header, arrays: read } = unpack(bytes.buffer);

  assert.deepEqual(header, { run: 'x' });
  assert.deepEqual(read.a, of([2], [1, -2]));
  assert.deepEqual([...read.b.data], [7, 8]);
});

test('a linear step multiplies and adds', () => {
  const step = { weight: of([2, 3], [1, 2, 3, 4, 5, 6]), bias: of([2], [10, 20]) };
  assert.deepEqual(linear(of([3], [1, 0, -1]), step), of([2], [8, 18]));
});

test('a convolution is what its definition says, whatever stride and padding', () => {
  const random = (n, seed) => Array.from({ length: n }, (_, i) => Math.sin(seed + 12.9898 * i));
  for (const [stride, padding, side] of [[1, 0, 3], [1, 1, 3], [2, 1, 3], [2, 0, 2], [3, 2, 4]]) {
    const x = of([2, 7, 6], random(84, stride));
    const weight = of([3, 2, side, side], random(6 * side * side, padding));
    const y = conv(x, { weight, bias: of([3], [1, 2, 3]), stride, padding });
    const [, h, w] = y.shape;
    for (let i = 0; i < y.data.length; i++) {
      const [o, row, column] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
      let sum = o + 1;
      for (let k = 0; k < 2 * side * side; k++) {
        const [c, ky, kx] = [Math.floor(k / side / side), Math.floor(k / side) % side, k % side];
        const [iy, ix] = [row * stride + ky - padding, column * stride + kx - padding];
        if (iy >= 0 && iy < 7 && ix >= 0 && ix < 6) sum += weight.data[o * 2 * side * side + k] * x.data[(c * 7 + iy) * 6 + ix];
      }
      assert.ok(Math.abs(sum - y.data[i]) < 1e-5);
    }
  }
});

test('a transposed convolution is the way back of a convolution: <conv x, y> = <x, transposed y>', () => {
  const random = (n, seed) => Array.from({ length: n }, (_, i) => Math.cos(seed + 78.233 * i));
  for (const [stride, padding, side] of [[1, 0, 3], [2, 1, 4], [2, 0, 2]]) {
    const x = of([2, 8, 8], random(128, 1));
    const weight = of([3, 2, side, side], random(6 * side * side, 2));
    const there = conv(x, { weight, stride, padding });
    const y = of(there.shape, random(there.data.length, 3));
    const back = transposed(y, { weight, stride, padding });
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    assert.deepEqual(back.shape, x.shape);
    assert.ok(Math.abs(dot(there.data, y.data) - dot(x.data, back.data)) < 1e-4);
  }
});

test('pooling takes the largest of each square', () => {
  const x = of([2, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8]);
  assert.deepEqual(pool(x, { size: 2 }), of([2, 1, 2], [6, 8, -1, -3]));
});

const arrays = {
  k: of([2, 1, 1, 1], [1, -1]),
  f: of([2], [2, 1]),
  s: of([2], [0, 1]),
  w: of([2, 2], [1, 0, 0, 1]),
};
const steps = [
  { type: 'conv', weight: 'k', stride: 1, padding: 0 },
  { type: 'scale', factor: 'f', summand: 's' },
  { type: 'relu' },
  { type: 'pool', size: 2 },
  { type: 'linear', weight: 'w' },
  { type: 'softmax' },
];

test('a network goes from step to step', () => {
  const network = networkOf({ header: { steps }, arrays });
  const input = of([1, 2, 2], [0, 1, 2, 0.5]);
  const outputs = outputsOf(network, input).map(({ data }) => [...data]);
  assert.deepEqual(outputs[0], [0, 1, 2, 0.5, 0, -1, -2, -0.5]);
  assert.deepEqual(outputs[2], [0, 2, 4, 1, 1, 0, 0, 0.5]);
  assert.deepEqual(outputs[4], [4, 1]);
  const [p, q] = answerOf(network, input);
  assert.ok(Math.abs(p - 1 / (1 + Math.exp(-3))) < 1e-6 && Math.abs(p + q - 1) < 1e-6);
});

test('a step that the page does not know is refused', () => {
  assert.throws(() => networkOf({ header: { steps: [{ type: 'constructor' }] }, arrays: {} }), /unknown/);
});

test('a layer shows what it is after its activation and before pooling; the last one is not shown', () => {
  const network = networkOf({ header: { steps }, arrays });
  const layers = layersOf(network, outputsOf(network, of([1, 2, 2], [0, 1, 2, 0.5])));
  assert.equal(layers.length, 1);
  assert.deepEqual([...layers[0].output.data], [0, 2, 4, 1, 1, 0, 0, 0.5]);
  assert.equal(sizeInWords(layers[0].output), '2 maps of 2 × 2');
  assert.deepEqual(strengths(layers[0].output), [4, 1]);
});

test('the strongest come first', () => {
  assert.deepEqual(strongest([1, 5, 3, 5], 3), [1, 3, 2]);
});

test('weights are images', () => {
  assert.deepEqual(weightImage(of([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), 1), of([2, 2], [5, 6, 7, 8]));
  assert.deepEqual(weightImage(of([1, 2, 1, 1], [3, 4]), 0), of([1, 1], [3]));
});

test('channels lie side by side with a gap between', () => {
  const { shape, data } = sheetOf(of([3, 1, 2], [1, 2, 3, 4, 5, 6]), 2);
  assert.deepEqual(shape, [3, 5]);
  assert.deepEqual([...data].map((x) => (Number.isNaN(x) ? '·' : x)).join(''), '12·34' + '·····' + '56···');
  assert.deepEqual([...sheetOf(of([4], [1, 2, 3, 4]), 2).data], [1, 2, 3, 4]);
});
