import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  FILES, PICTURES, SPEEDS, aroundPly, durationOf, exportPath, isPicture, mostPlies, objection, plyOf, wholeGame,
} from '../../web/static/js/exports.js';

test('files and pictures are told apart', () => {
  assert.deepEqual(FILES.map(([name]) => isPicture(name)), [false, false, false]);
  assert.deepEqual(PICTURES.map(([name]) => isPicture(name)), [true, true, true]);
});

for (const length of [0, 1, 130, 131, 2000, 8320, 60_000]) {
  test(`a game of ${length} plies has a first suggestion that can be made`, () => {
    const whole = wholeGame(length);
    assert.equal(whole.last, length);
    assert.equal(objection(whole, length), '');
    assert.equal(whole.first === 0, length <= mostPlies(SPEEDS.at(-1)));
  });
}

for (const ply of [0, 7, 500, 1000]) {
  test(`ply ${ply} of 1000 has moves around it that can be shown`, () => {
    const range = aroundPly(ply, 1000);
    assert.ok(range.first <= ply && ply <= range.last);
    assert.equal(objection(range, 1000), '');
  });
}

test('what cannot be made is told', () => {
  assert.match(objection({ first: NaN, last: 3, speed: '1' }, 10), /from 0 to 10/);
  assert.match(objection({ first: 4, last: 3, speed: '1' }, 10), /first ply comes after/);
  assert.match(objection({ first: 0, last: 131, speed: '1' }, 500), /at most 130 plies, these are 131/);
  assert.equal(objection({ first: 0, last: 131, speed: '2' }, 500), '');
});

for (const [text, ply] of [['0', 0], ['12', 12], ['1,000', 1000], ['1001', NaN], ['', NaN], ['x', NaN], ['-1', NaN]]) {
  test(`"${text}" is ply ${ply} of 1000`, () => assert.equal(plyOf(text, 1000), ply));
}

test('addresses say what is asked and no more', () => {
  const look = { first: 3, last: 9, speed: '2', size: 'small', theme: 'classic' };
  assert.equal(exportPath('ab', { format: 'hobby', ...look }), '/api/games/ab/export?format=hobby');
  assert.equal(
    exportPath('ab', { format: 'mp4', ...look }),
    '/api/games/ab/animation?format=mp4&first=3&last=9&speed=2&size=small&theme=classic',
  );
});

test('durations are in seconds', () => {
  assert.equal(durationOf({ first: 0, last: 10, speed: '1' }), 'about 4.0 s');
  assert.equal(durationOf({ first: 0, last: 100, speed: '1' }), 'about 31 s');
});
