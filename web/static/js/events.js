/**
 * Server-sent events by fetch: as EventSource, it comes back after a broken connection with the id of the last event;
 * unlike EventSource, it can say why the server refuses.
 */

import { ApiError, problemOf } from './api.js';

const RETRIES_MS = [500, 1000, 2000, 4000];

/**
 * A parser of the wire format: feed it text as it comes, and it calls `onEvent({name, id, data})` for every event.
 *
 * @param {(event: {name: string, id: string | null, data: any}) => void} onEvent `data` is read as JSON
 */
export function createEventParser(onEvent) {
  let rest = '';
  let event = { name: 'message', id: null, lines: [] };

  function finish() {
    const { name, id, lines } = event;
    event = { name: 'message', id: null, lines: [] };
    if (lines.length > 0) onEvent({ name, id, data: JSON.parse(lines.join('\n')) });
  }

  function take(line) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (line === '') finish();
    else if (field === 'data') event.lines.push(value);
    else if (field === 'event') event.name = value;
    else if (field === 'id') event.id = value;
  }

  return function feed(text) {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    lines.forEach((line) => take(line.replace(/\r$/, '')));
  };
}

/** Wait; an aborted signal ends it early. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Read one answer to its end; throws a TypeError if the connection breaks. */
async function read(path, headers, feed, signal) {
  const response = await fetch(path, { headers, signal, cache: 'no-store' });
  if (!response.ok) throw await problemOf(response);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    feed(decoder.decode(value, { stream: true }));
  }
}

/**
 * Open a stream of events.
 *
 * @param {string} path
 * @param {{onEvent: Function, onEnd?: (error: Error | null) => void}} handlers `onEnd` is called once, when the
 *   server is done (null) or refuses (an ApiError), not after `close`
 * @returns {{close: () => void}}
 */
export function openEvents(path, { onEvent, onEnd = () => {} }) {
  const controller = new AbortController();
  const { signal } = controller;
  let lastId = null;
  let failures = 0;

  const listen = (event) => {
    if (signal.aborted) return;
    failures = 0;
    lastId = event.id ?? lastId;
    onEvent(event);
  };

  async function run() {
    while (!signal.aborted) {
      const headers = lastId === null ? {} : { 'Last-Event-ID': lastId };
      try {
        await read(path, headers, createEventParser(listen), signal);
        return null;
      } catch (error) {
        if (!(error instanceof TypeError)) return error; // which is what broken connections are
        if (failures === RETRIES_MS.length) {
          return new ApiError('The server cannot be reached.', 'Check the connection and try again.');
        }
        await pause(RETRIES_MS[failures++], signal);
      }
    }
    return null;
  }

  run().then((error) => {
    if (!signal.aborted) onEnd(error);
  });
  return { close: () => controller.abort() };
}
