import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  MOVE_MS, SPEEDS, advance, changeSpeed, createPlayer, msPerPly, pause, play, resize,
  seek, setSpeed, toggle,
} from '../../web/static/js/player.js';

test('seeking is clamped to the game', () => {
  const player = createPlayer(10, 4);

  assert.equal(seek(player, 7).ply, 7);
  assert.equal(seek(player, -3).ply, 0);
  assert.equal(seek(player, 99).ply, 10);
  assert.equal(createPlayer(10, 99).ply, 10);
});

test('seeking pauses', () => {
  assert.equal(seek(play(createPlayer(10)), 5).playing, false);
});

test('states are never changed in place', () => {
  const player = Object.freeze(createPlayer(10));

  advance(Object.freeze(play(player)), 1000);

  assert.equal(player.ply, 0);
});

test('play makes its first move at once, then one every period', () => {
  let player = advance(play(createPlayer(10)), 0);
  assert.equal(player.ply, 1);

  player = advance(player, MOVE_MS - 1);
  assert.equal(player.ply, 1);

  player = advance(player, 1);
  assert.equal(player.ply, 2);
});

test('play keeps time however it is cut into frames', () => {
  let player = play(createPlayer(1000, 0, 8));
  for (let frame = 0; frame < 60; frame++) player = advance(player, 1000 / 60);

  assert.equal(player.ply, 1 + Math.floor(1000 / (MOVE_MS / 8)));
});

test('play pauses at the end, and starts over from there', () => {
  const ended = advance(play(createPlayer(3)), 10 * MOVE_MS);
  assert.deepEqual([ended.ply, ended.playing], [3, false]);

  const again = play(ended);
  assert.deepEqual([again.ply, again.playing], [0, true]);
});

test('play goes backward too', () => {
  const player = advance(play(createPlayer(10, 5), -1), MOVE_MS);
  assert.equal(player.ply, 3);

  const ended = advance(player, 10 * MOVE_MS);
  assert.deepEqual([ended.ply, ended.playing], [0, false]);
  assert.equal(play(ended, -1).ply, 10);
});

test('toggle pauses the direction that plays, and turns round the other', () => {
  const forward = toggle(createPlayer(10, 5), 1);
  const backward = toggle(forward, -1);

  assert.deepEqual([forward.playing, forward.direction], [true, 1]);
  assert.deepEqual([backward.playing, backward.direction], [true, -1]);
  assert.equal(toggle(backward, -1).playing, false);
  assert.equal(toggle(pause(backward)).direction, -1);
});

test('a game without moves does not play', () => {
  assert.equal(play(createPlayer(0)).playing, false);
});

test('a paused player stands still', () => {
  assert.equal(advance(createPlayer(10, 5), 1e6).ply, 5);
});

test('speeds go up and down their list and stop at its ends', () => {
  let player = createPlayer(10);

  assert.equal(changeSpeed(player, 1).speed, 2);
  assert.equal(changeSpeed(player, -1).speed, 0.5);
  for (let i = 0; i < 99; i++) player = changeSpeed(player, 1);
  assert.equal(player.speed, Infinity);
  for (let i = 0; i < 99; i++) player = changeSpeed(player, -1);
  assert.equal(player.speed, SPEEDS[0]);
  assert.equal(setSpeed(player, 3).speed, SPEEDS[0]);
});

test('each speed is faster than the one before, whatever the game', () => {
  for (const length of [0, 10, 1000, 100_000]) {
    const periods = SPEEDS.map((speed) => msPerPly(createPlayer(length, 0, speed)));

    periods.slice(1).forEach((period, i) => assert.ok(period < periods[i]));
  }
});

test('at the highest speed the longest game ends in two seconds', () => {
  const player = advance(play(createPlayer(60_000, 0, Infinity)), 2000);

  assert.deepEqual([player.ply, player.playing], [60_000, false]);
});

test('play waits at the end of a game that grows, and goes on at once with what comes', () => {
  let player = advance(play(createPlayer(3, 0, 1, true)), 10 * MOVE_MS);
  assert.deepEqual([player.ply, player.playing], [3, true]);

  player = advance(resize(player, 9), 0);
  assert.equal(player.ply, 4);

  player = advance(resize(player, 5, false), 10 * MOVE_MS);
  assert.deepEqual([player.ply, player.playing], [5, false]);
});

test('a game that may still grow plays from its end without starting over', () => {
  assert.deepEqual([play(createPlayer(0, 0, 1, true)).playing, play(createPlayer(3, 3, 1, true)).ply], [true, 3]);
  assert.equal(play(createPlayer(3, 0, 1, true), -1).ply, 3);
});

test('a game that loses its last plies shows its new end', () => {
  assert.equal(resize(createPlayer(9, 8), 5).ply, 5);
  assert.equal(resize(createPlayer(9, 2), 5).ply, 2);
});
