import assert from 'node:assert/strict';
import { test } from 'node:test';

import { boundsOf, centreOfMass, prepare, resample, SIDE, STYLES } from '../../web/static/js/centring.js';
import { began, begunWith, continued, EMPTY, isEmpty, undone } from '../../web/static/js/drawing.js';
import { byClass, LatentSpace, mix } from '../../web/static/js/latent.js';

function drawing(side, rectangles) {
  const data = new Float32Array(side * side);
  for (const [top, left, height, width] of rectangles) {
    for (let y = top; y < top + height; y++) data.fill(1, y * side + left, y * side + left + width);
  }
  return { shape: [side, side], data };
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

test('nothing drawn is nothing seen', () => {
  assert.equal(prepare(drawing(280, []), STYLES.digits), null);
});

test('where and how large something is drawn does not matter', () => {
  const shapes = [[10, 20, 100, 10], [100, 20, 10, 60]];
  const seen = prepare(drawing(280, shapes), STYLES.digits);
  const moved = prepare(drawing(280, shapes.map(([top, left, h, w]) => [top + 50, left + 90, h, w])), STYLES.digits);
  const larger = prepare(drawing(280, shapes.map((r) => r.map((x) => 2 * x))), STYLES.digits);
  assert.deepEqual(moved, seen);
  larger.data.forEach((ink, i) => assert.ok(Math.abs(ink - seen.data[i]) < 1e-6));
});

test('digits are 20 pixels long, their centre of mass in the centre', () => {
  const { data, shape } = prepare(drawing(280, [[10, 200, 200, 20], [190, 100, 20, 120]]), STYLES.digits);
  const image = { shape: shape.slice(1), data };
  assert.equal(boundsOf(image).height, 20);
  for (const at of centreOfMass(image)) assert.ok(Math.abs(at - SIDE / 2) <= 0.5);
});

test('letters are 24 pixels long, their rectangle in the centre', () => {
  const { data } = prepare(drawing(280, [[10, 200, 240, 20], [230, 100, 20, 120]]), STYLES.letters);
  assert.deepEqual(boundsOf({ shape: [SIDE, SIDE], data }), { top: 2, left: 8, height: 24, width: 12 });
});

test('what is heavy at one end stays whole', () => {
  const { data } = prepare(drawing(280, [[0, 0, 280, 4], [200, 0, 80, 280]]), STYLES.digits);
  assert.equal(boundsOf({ shape: [SIDE, SIDE], data }).height, 20);
});

test('resampling keeps the mean ink, for sizes that divide and that do not', () => {
  const image = drawing(30, [[3, 4, 11, 17], [20, 2, 3, 9]]);
  for (const size of [[10, 10], [7, 13], [30, 30], [45, 31]]) {
    const { data } = resample(image, { top: 0, left: 0, height: 30, width: 30 }, size);
    assert.ok(Math.abs(sum(data) / data.length - sum(image.data) / 900) < 1e-6);
  }
});

test('a drawing grows by strokes, and shrinks by undoing them', () => {
  let now = continued(began(EMPTY, [1, 2]), [3, 4]);
  now = began(now, [5, 6]);
  assert.deepEqual(now.strokes, [[[1, 2], [3, 4]], [[5, 6]]]);
  assert.deepEqual(undone(now).strokes, [[[1, 2], [3, 4]]]);
  assert.ok(isEmpty(undone(undone(now))) && isEmpty(undone(EMPTY)));
});

test('what was drawn on an image is undone first', () => {
  const image = drawing(2, [[0, 0, 1, 1]]);
  const now = began(begunWith(image), [1, 1]);
  assert.equal(undone(now).image, image);
  assert.ok(isEmpty(undone(undone(now))));
});

const codes = { shape: [4, 3], data: Float32Array.of(0, 0, 5, 2, 0, 6, 0, 4, 7, 2, 4, 8) };
const axes = { shape: [2, 3], data: Float32Array.of(1, 0, 0, 0, 1, 0) };

test('codes have places from 0 to 1 in the plane, and a straight line stays one', () => {
  const space = new LatentSpace({ codes, axes });
  for (const place of space.places) for (const x of place) assert.ok(x > 0 && x < 1);
  const [from, to] = [space.code(0), space.code(3)];
  const half = space.placeOf(mix(from, to, 0.5));
  [0, 1].forEach((k) => assert.ok(Math.abs(half[k] - (space.places[0][k] + space.places[3][k]) / 2) < 1e-6));
});

test('the code at the place of an image is its own, as the others are far', () => {
  const space = new LatentSpace({ codes, axes });
  [0, 1, 2, 3].forEach((i) => {
    space.codeAt(space.places[i]).forEach((x, k) => assert.ok(Math.abs(x - space.code(i)[k]) < 1e-4));
  });
  const [x] = space.codeAt([0.5, space.places[0][1]]);
  assert.ok(Math.abs(x - 1) < 1e-4); // half way between two
});

test('images of a class', () => {
  assert.deepEqual(byClass(Uint8Array.of(1, 0, 1), 3), [[1], [0, 2], []]);
});
