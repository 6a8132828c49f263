import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createPoller } from '../../web/static/js/poller.js';

/** A poller whose answers and clock are in the test's hands. */
function setUp() {
  const world = { asked: 0, timers: [], answer: null };
  const clock = {
    later: (action, ms) => world.timers.push({ action, ms }) && world.timers.at(-1),
    cancel: (timer) => { world.timers = world.timers.filter((other) => other !== timer); },
  };
  const refresh = () => {
    world.asked += 1;
    return new Promise((resolve) => { world.answer = resolve; });
  };
  return { world, poller: createPoller(refresh, clock) };
}

const settle = () => new Promise((resolve) => { setImmediate(resolve); });

test('the next question comes as long after an answer as the answer says', async () => {
  const { world, poller } = setUp();
  poller.now();
  assert.deepEqual([world.asked, world.timers.length], [1, 0]);

  world.answer(2000);
  await settle();

  assert.deepEqual(world.timers.map(({ ms }) => ms), [2000]);
  world.timers[0].action();
  assert.equal(world.asked, 2);
});

test('never two questions at once: what comes meanwhile is asked once more afterwards', async () => {
  const { world, poller } = setUp();
  poller.now();
  poller.now();
  poller.now();
  assert.equal(world.asked, 1);

  world.answer(1);
  await settle();
  assert.equal(world.asked, 2);
  world.answer(1);
  await settle();

  assert.deepEqual([world.asked, world.timers.length], [2, 1]);
});

test('a question at once takes the place of the one that waits', async () => {
  const { world, poller } = setUp();
  poller.now();
  world.answer(5);
  await settle();

  poller.now();

  assert.deepEqual([world.asked, world.timers.length], [2, 0]);
});

test('nothing is asked while nobody looks, and at once when somebody does', async () => {
  const { world, poller } = setUp();
  poller.now();
  poller.pause();
  world.answer(5);
  await settle();
  assert.equal(world.timers.length, 0);

  poller.resume();
  assert.equal(world.asked, 2);
  world.answer(5);
  await settle();
  poller.pause();

  assert.equal(world.timers.length, 0);
});
