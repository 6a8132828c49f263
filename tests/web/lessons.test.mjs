import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';

import { layersOf } from '../../web/static/js/network.js';
import { heightAt } from '../../web/static/js/surface.js';
import { unpack } from '../../web/static/js/unpack.js';

test('arrays come out as they were packed', async () => {
  const values = Int16Array.of(-300, 0, 7, 32767);

  const array = await unpack(deflateSync(Buffer.from(values.buffer)).toString('base64'), Int16Array);

  assert.ok(array instanceof Int16Array);
  assert.deepEqual(array, values);
});

test('a flat list is cut into matrices and biases, layer by layer', () => {
  const numbers = Array.from({ length: 2 * 3 + 3 + 3 * 1 + 1 }, (_, i) => i);

  assert.deepEqual(layersOf([2, 3, 1], numbers), [
    { weights: [[0, 1], [2, 3], [4, 5]], biases: [6, 7, 8] },
    { weights: [[9, 10, 11]], biases: [12] },
  ]);
});

/** A surface as high as x + 10 y, told on a grid of four by four. */
const slope = {
  map_side: 4,
  heights: [1.5, 0.5, -0.5, -1.5].flatMap((y) => [-1.5, -0.5, 0.5, 1.5].map((x) => x + 10 * y)),
};

test('heights lie between those of the grid', () => {
  for (const [x, y] of [[0, 0], [-1.5, 1.5], [0.5, -0.25], [1.2, 1.4]]) {
    assert.ok(Math.abs(heightAt(slope, x, y) - (x + 10 * y)) < 0.02, `${x}, ${y}`);
  }
});

test('off the map there is no height, at its edge that of the grid', () => {
  assert.equal(heightAt(slope, 2.1, 0), null);
  assert.equal(heightAt(slope, Number.NaN, 0), null);
  assert.ok(Math.abs(heightAt(slope, 2, 0) - 1.5) < 0.02);
});
