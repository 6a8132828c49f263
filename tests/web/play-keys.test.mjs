import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wishOf } from '../../web/static/js/play-keys.js';
import { DOWN, LEFT, RIGHT, UP } from '../../web/static/js/rules.js';

for (const [move, keys] of [
  [UP, ['ArrowUp', 'w', 'W', 'k']], [RIGHT, ['ArrowRight', 'd', 'l']],
  [DOWN, ['ArrowDown', 's', 'j']], [LEFT, ['ArrowLeft', 'a', 'h', 'H']],
]) {
  test(`${keys.join(', ')} move ${move}`, () => {
    for (const key of keys) assert.deepEqual(wishOf({ key }), { move });
  });
}

test('other keys are commands, or nothing', () => {
  assert.deepEqual(wishOf({ key: ' ' }), { command: 'agent' });
  assert.deepEqual(wishOf({ key: 'U' }), { command: 'undo' });
  assert.equal(wishOf({ key: 'x' }), null);
  assert.equal(wishOf({ key: 'toString' }), null);
});

test('what belongs to the browser is left to it, but not taking back', () => {
  for (const held of ['ctrlKey', 'altKey', 'metaKey']) assert.equal(wishOf({ key: 'd', [held]: true }), null);
  assert.deepEqual(wishOf({ key: 'z', ctrlKey: true }), { command: 'undo' });
  assert.deepEqual(wishOf({ key: 'z', metaKey: true }), { command: 'undo' });
  assert.equal(wishOf({ key: 'z' }), null);
});
