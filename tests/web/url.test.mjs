import assert from 'node:assert/strict';
import { test } from 'node:test';

import { asksToPlay, createPlyWriter, gameIdFrom, plyFrom, plyTyped } from '../../web/static/js/url.js';

test('the path names the game', () => {
  assert.equal(gameIdFrom('/games/3f9a0c'), '3f9a0c');
  assert.equal(gameIdFrom('/games/3f9a0c/'), '3f9a0c');
  assert.equal(gameIdFrom('/'), null);
  assert.equal(gameIdFrom('/games/'), null);
  assert.equal(gameIdFrom('/games/a/b'), null);
});

for (const [hash, ply] of [
  ['', 0], ['#', 0], ['#0', 0], ['#123', 123], ['123', 123], ['#0123', 123], ['#500', 500],
  ['#501', 500], [`#${'9'.repeat(400)}`, 500], ['#-5', 0], ['#1e3', 0], ['#12.5', 0], ['#ply', 0], ['#%00', 0],
]) {
  test(`"${hash.slice(0, 12)}" opens a game of 500 plies at ${ply}`, () => {
    assert.equal(plyFrom(hash, 500), ply);
  });
}

test('a ply is typed with or without commas; what is no number leads nowhere', () => {
  assert.equal(plyTyped('12345', 60000), 12345);
  assert.equal(plyTyped(' 12,345 ', 60000), 12345);
  assert.equal(plyTyped('12,345', 500), 500);
  for (const text of ['', ',', '-5', '1.5', '1e3', 'end']) assert.equal(plyTyped(text, 500), null);
});

/** A clock whose time the test moves. */
function fakeClock() {
  let time = 0;
  let pending = [];
  return {
    now: () => time,
    later: (action, ms) => {
      const timer = { action, at: time + ms };
      pending.push(timer);
      return timer;
    },
    cancel: (timer) => { pending = pending.filter((other) => other !== timer); },
    pass(ms) {
      time += ms;
      const due = pending.filter(({ at }) => at <= time);
      pending = pending.filter(({ at }) => at > time);
      due.forEach(({ action }) => action());
    },
  };
}

test('the first ply is written at once, a burst only by its last', () => {
  const clock = fakeClock();
  const written = [];
  const update = createPlyWriter((ply) => written.push(ply), clock);

  for (let ply = 1; ply <= 5; ply++) update(ply, 100);
  assert.deepEqual(written, [1]);

  clock.pass(100);
  assert.deepEqual(written, [1, 5]);
});

test('a ply is written once', () => {
  const clock = fakeClock();
  const written = [];
  const update = createPlyWriter((ply) => written.push(ply), clock);

  for (let i = 0; i < 3; i++) {
    update(7, 100);
    clock.pass(1000);
  }

  assert.deepEqual(written, [7]);
});

test('a shorter interval overtakes the longer one that waits', () => {
  const clock = fakeClock();
  const written = [];
  const update = createPlyWriter((ply) => written.push(ply), clock);

  update(1, 500);
  clock.pass(100);
  update(2, 500);
  clock.pass(50);
  update(3, 120);

  assert.deepEqual(written, [1, 3]);
});

test('steady play writes at most once an interval', () => {
  const clock = fakeClock();
  let writes = 0;
  const update = createPlyWriter(() => { writes += 1; }, clock);

  for (let ply = 0; ply < 600; ply++) {
    update(ply, 500);
    clock.pass(16);
  }

  assert.ok(writes <= 1 + (600 * 16) / 500);
  assert.ok(writes >= 15);
});

test('an address can ask to start playing', () => {
  assert.equal(asksToPlay('?play'), true);
  assert.equal(asksToPlay(''), false);
  assert.equal(asksToPlay('?player=1'), false);
});
