import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GrowingGame } from '../../web/static/js/growing.js';
import { LiveSource, pliesAhead } from '../../web/static/js/live-source.js';

const PLAYER = { name: 'greedy', depth: null, title: 'Greedy' };

/** A source whose server is this test: `streams` are those it opened, `told` what it said. */
function table() {
  const game = new GrowingGame({ seed: 7 });
  const streams = [];
  const told = [];
  const open = (path, handlers) => {
    const stream = { path, ...handlers, closed: false, close: () => { stream.closed = true; } };
    streams.push(stream);
    return stream;
  };
  const views = {
    onGrow: () => told.push('grow'), onOver: () => told.push('over'), onStart: () => told.push('start'),
    onProblem: ({ detail }) => told.push(detail),
  };
  return { game, streams, told, source: new LiveSource(game, views, open) };
}

/** Moves that the server may send: the next of the game. */
function movesOf(game, n) {
  const copy = GrowingGame.restore(game.save(), game.stateAt(game.length));
  for (let i = 0; i < n; i++) [3, 2, 1, 0].some((action) => copy.play(action, ''));
  return copy.toRecord().plies.slice(game.length);
}

test('it asks for moves from where the game is, a little faster than they are shown', () => {
  const { game, source, streams } = table();
  [3, 2, 1, 0].some((action) => game.play(action, 'me'));

  source.start({ ...PLAYER, depth: 2 }, 300, 1);

  const query = new URLSearchParams(streams[0].path.split('?')[1]);
  assert.deepEqual(Object.fromEntries(query), {
    player: 'greedy', seed: '7', at: game.stateAt(1), pace: '240', depth: '2',
  });
});

test('moves make the game grow, with what the player thought of each', () => {
  const { game, source, streams, told } = table();
  source.start(PLAYER, 300, 0);

  streams[0].onEvent({ name: 'start', data: { unit: 'points' } });
  streams[0].onEvent({ name: 'moves', data: { plies: movesOf(game, 1), values: [[0, 4, 0, 4]] } });

  assert.deepEqual([game.length, told], [1, ['start', 'grow']]);
  assert.deepEqual(game.opinions[0], { values: [0, 4, 0, 4], unit: 'points', who: 'Greedy' });
  assert.deepEqual(game.playersUntil(1), ['Greedy']);
});

test('a stream that ends before the game does is followed by another, unless it brought nothing', () => {
  const { game, source, streams, told } = table();
  source.start(PLAYER, 300, 0);
  streams[0].onEvent({ name: 'moves', data: { plies: movesOf(game, 1) } });

  streams[0].onEnd(null);
  assert.deepEqual([streams.length, source.asking], [2, true]);

  streams[1].onEnd(null);
  assert.deepEqual([streams.length, source.running, told.at(-1)], [2, false, 'The server sends no moves.']);
});

test('the stream is closed when enough lies ready, and opened again when that has been seen', () => {
  const { game, source, streams } = table();
  source.start(PLAYER, 300, 0);
  streams[0].onEvent({ name: 'moves', data: { plies: movesOf(game, 2 * pliesAhead(300)) } });

  source.pump(0);
  assert.deepEqual([streams[0].closed, source.asking, source.running], [true, false, true]);

  source.pump(5);
  assert.equal(streams.length, 1);
  source.pump(game.length - 2);
  assert.equal(streams.length, 2);
});

test('the same wish again keeps the stream, another speed or player opens a new one', () => {
  const { source, streams } = table();

  source.start(PLAYER, 300, 0);
  source.start({ ...PLAYER }, 300, 0);
  assert.equal(streams.length, 1);

  source.start(PLAYER, 75, 0);
  assert.deepEqual([streams.length, streams[0].closed], [2, true]);
});

test('a refusal stops it, and is told', () => {
  const { source, streams, told } = table();
  source.start(PLAYER, 300, 0);

  streams[0].onEnd({ detail: 'busy' });
  assert.deepEqual([told, source.running], [['busy'], false]);

  source.start(PLAYER, 300, 0);
  streams[1].onEvent({ name: 'problem', data: { detail: 'stopped' } });
  assert.deepEqual([told, source.running, streams[1].closed], [['busy', 'stopped'], false, true]);
});

test('the end of the game ends it; the end of a stream alone does not', () => {
  const { game, source, streams, told } = table();
  source.start(PLAYER, 300, 0);
  streams[0].onEvent({ name: 'moves', data: { plies: movesOf(game, 1) } });
  streams[0].onEnd(null);
  assert.deepEqual([told, source.running], [['grow'], true]);

  streams[1].onEvent({ name: 'moves', data: { plies: movesOf(game, 1000) } });
  streams[1].onEnd(null);
  assert.deepEqual([game.over, told.at(-1), source.running], [true, 'over', false]);
});

test('what lies ready lasts for some seconds, at any speed', () => {
  assert.deepEqual([1200, 300, 3, 0.1].map(pliesAhead), [4, 10, 1000, 4096]);
});
