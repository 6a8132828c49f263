import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commandFor } from '../../web/static/js/keyboard.js';

for (const [event, command] of [
  [{ key: 'ArrowLeft' }, 'back'],
  [{ key: 'ArrowRight' }, 'forward'],
  [{ key: 'k' }, 'back'],
  [{ key: 'J', shiftKey: true }, 'forward'],
  [{ key: 'ArrowLeft', shiftKey: true }, 'back10'],
  [{ key: 'PageDown' }, 'forward10'],
  [{ key: 'Home' }, 'first'],
  [{ key: 'ArrowDown' }, 'last'],
  [{ key: ' ' }, 'toggle'],
  [{ key: ' ', shiftKey: true }, 'toggleBack'],
  [{ key: '+', shiftKey: true }, 'faster'],
  [{ key: '-' }, 'slower'],
  [{ key: '?', shiftKey: true }, 'help'],
  [{ key: 'ArrowLeft', altKey: true }, null],
  [{ key: '-', ctrlKey: true }, null],
  [{ key: 'm' }, 'milestone'],
  [{ key: 'M', shiftKey: true }, 'milestoneBack'],
  [{ key: 'n' }, 'mistake'],
  [{ key: 'N', shiftKey: true }, 'mistakeBack'],
  [{ key: 'a' }, 'arrows'],
  [{ key: 'x' }, null],
]) {
  test(`${JSON.stringify(event)} is ${command}`, () => {
    assert.equal(commandFor(event), command);
  });
}
