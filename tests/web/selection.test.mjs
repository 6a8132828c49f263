import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  MAX_CHOSEN, chosen, defaultRuns, hashOf, selectionFrom, toggled, without,
} from '../../web/static/js/selection.js';

const of = (...slots) => ({ slots, axis: 'steps', log: false, smooth: true });

test('an address says what is looked at, and can be read again', () => {
  for (const selection of [of(), of('a b', 'x/ü&=#'), { ...of('ppo'), axis: 'time', log: true, smooth: false }]) {
    assert.deepEqual(selectionFrom(hashOf(selection)), selection);
  }
});

test('nonsense in an address is passed over', () => {
  assert.deepEqual(selectionFrom(''), of());
  assert.deepEqual(selectionFrom('#run=a&run=a&over=constructor&smooth=&log=1&x'), of('a'));
  assert.equal(selectionFrom(`#${Array.from({ length: 20 }, (_, i) => `run=${i}`).join('&')}`).slots.length, MAX_CHOSEN);
});

test('a run keeps what it is drawn with when others come and go', () => {
  const three = of('a', 'b', 'c');

  assert.deepEqual(toggled(three, 'b').slots, ['a', null, 'c']);
  assert.deepEqual(toggled(toggled(three, 'b'), 'd').slots, ['a', 'd', 'c']);
  assert.deepEqual(toggled(three, 'd').slots, ['a', 'b', 'c', 'd']);
  assert.deepEqual(chosen(toggled(three, 'a')), ['b', 'c']);
  assert.deepEqual(without(three, new Set(['c'])).slots, [null, null, 'c']);
});

test('no more runs are chosen than can be told apart', () => {
  const full = of(...'abcdefgh');

  assert.deepEqual(toggled(full, 'i'), full);
});

test('at first, running runs are chosen, or else the newest', () => {
  const runs = [{ name: 'a', running: false }, { name: 'b', running: true }, { name: 'c', running: true }];

  assert.deepEqual(defaultRuns(runs), ['b', 'c']);
  assert.deepEqual(defaultRuns(runs.slice(0, 1)), ['a']);
  assert.deepEqual(defaultRuns([]), []);
});
