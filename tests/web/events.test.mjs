import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createEventParser, openEvents } from '../../web/static/js/events.js';

const WIRE = ': still here\n\nevent: start\nid: 2.00\ndata: {"a":1}\n\nid: 3.01\ndata: {"b":\ndata: [2]}\n\n';
const EVENTS = [
  { name: 'start', id: '2.00', data: { a: 1 } },
  { name: 'message', id: '3.01', data: { b: [2] } },
];

test('events are the same however the bytes are cut', () => {
  for (const size of [1, 2, 7, 1000]) {
    const seen = [];
    const feed = createEventParser((event) => seen.push(event));
    for (let i = 0; i < WIRE.length; i += size) feed(WIRE.slice(i, i + size));
    assert.deepEqual(seen, EVENTS);
  }
});

test('an event that is not finished does not count', () => {
  const seen = [];
  createEventParser((event) => seen.push(event))('data: 1\n\ndata: 2\n');
  assert.deepEqual(seen.map(({ data }) => data), [1]);
});

/** Let `fetch` give these answers in turn; returns the headers it was called with. */
function answer(t, ...answers) {
  const asked = [];
  t.mock.method(globalThis, 'fetch', async (_, { headers }) => {
    asked.push(headers);
    return answers.shift()();
  });
  return asked;
}

const body = (text, broken = false) => () => new Response(new ReadableStream({
  start(controller) {
    controller.enqueue(new TextEncoder().encode(text));
    if (!broken) controller.close();
  },
  pull(controller) {
    controller.error(new TypeError('network error'));
  },
}));

const listen = () => new Promise((resolve) => {
  const events = [];
  openEvents('/api/live', { onEvent: (event) => events.push(event), onEnd: (error) => resolve({ events, error }) });
});

test('after a broken connection it comes back with the id of the last event', async (t) => {
  const asked = answer(t, body(WIRE, true), body('id: 4\ndata: 3\n\n'));

  const { events, error } = await listen();

  assert.deepEqual(asked, [{}, { 'Last-Event-ID': '3.01' }]);
  assert.deepEqual([events.length, error], [3, null]);
});

test('why the server refuses is told, and it is not asked again', async (t) => {
  const problem = { title: 'Service Unavailable', detail: 'The server is busy.' };
  const asked = answer(t, () => new Response(JSON.stringify(problem), { status: 503 }));

  const { error } = await listen();

  assert.deepEqual([asked.length, error.status, error.detail], [1, 503, problem.detail]);
});

test('a stream that is closed says nothing more', async (t) => {
  answer(t, body(WIRE));
  const seen = [];

  openEvents('/api/live', { onEvent: (event) => seen.push(event), onEnd: () => seen.push('end') }).close();
  await new Promise((resolve) => setTimeout(resolve, 20));

  assert.deepEqual(seen, []);
});
