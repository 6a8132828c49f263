import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createReel } from '../../web/static/js/reel.js';

/** A reel whose clock is in the test's hands: `shown` lists what it showed, `pass` lets its time pass. */
function setUp(options = {}) {
  const shown = [];
  let timers = [];
  const clock = {
    later: (action, ms) => {
      timers.push({ action, ms });
      return timers.at(-1);
    },
    cancel: (timer) => { timers = timers.filter((other) => other !== timer); },
  };
  const reel = createReel({ onChange: (state) => shown.push(state), clock, pace: 100, ...options });
  const pass = () => {
    const due = timers;
    timers = [];
    due.forEach(({ action }) => action());
  };
  return { reel, shown, pass, waits: () => timers.map(({ ms }) => ms), now: () => shown.at(-1) };
}

const filled = (n, options) => {
  const world = setUp(options);
  for (let i = 0; i < n; i += 1) world.reel.push(`frame ${i}`);
  return world;
};

test('frames are shown at their pace, however fast they come', () => {
  const { now, pass, waits } = filled(3);

  assert.equal(now().frame, 'frame 0');
  assert.deepEqual(waits(), [100]);
  pass();
  assert.deepEqual([now().frame, now().index, now().length], ['frame 1', 1, 3]);
});

test('a reel that is ahead waits for the next frame and goes on with it', () => {
  const { reel, now, pass, waits } = filled(1);
  assert.deepEqual(waits(), []);

  reel.push('late');
  pass();

  assert.equal(now().frame, 'late');
  assert.equal(now().playing, true);
});

test('it stops at the last frame once all have come', () => {
  const { reel, now, pass } = filled(2);
  pass();
  assert.equal(now().playing, true);

  reel.end();

  assert.deepEqual([now().frame, now().playing], ['frame 1', false]);
});

test('it stops at the last frame when all came before it was reached', () => {
  const { reel, now, pass, waits } = filled(2);
  reel.end();

  pass();

  assert.equal(now().playing, false);
  assert.deepEqual(waits(), []);
});

test('playing from the end begins anew', () => {
  const { reel, now, pass } = filled(2);
  reel.end();
  pass();

  reel.play();

  assert.deepEqual([now().index, now().playing], [0, true]);
  pass();
  assert.equal(now().index, 1);
});

test('a pause keeps the frame, and new frames do not change it', () => {
  const { reel, now, pass, waits } = filled(3);
  pass();
  reel.pause();

  reel.push('new');

  assert.deepEqual([now().index, now().playing, now().length], [1, false, 4]);
  assert.deepEqual(waits(), []);
});

test('seeking stops it, within what there is', () => {
  const { reel, now } = filled(3);

  reel.seek(2);
  assert.deepEqual([now().index, now().playing], [2, false]);
  reel.seek(99);
  assert.equal(now().index, 2);
  reel.seek(-5);
  assert.equal(now().index, 0);
});

test('where nothing shall move, the newest frame is shown at once', () => {
  const { reel, now, waits } = filled(3, { still: true });

  assert.deepEqual([now().index, now().playing], [2, false]);
  assert.deepEqual(waits(), []);
  reel.play();
  assert.deepEqual([now().index, now().playing], [2, true]);
});

test('a cleared reel forgets its frames and its timers', () => {
  const { reel, now, waits } = filled(3);

  reel.clear();

  assert.deepEqual([reel.frames, waits()], [[], []]);
  reel.push('other');
  assert.deepEqual([now().frame, now().length], ['other', 1]);
});

test('an empty reel has nothing to show', () => {
  const { reel, shown } = setUp();

  reel.play();
  reel.seek(3);
  reel.pause();

  assert.deepEqual(shown, []);
});
