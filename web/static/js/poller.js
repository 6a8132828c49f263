/** Ask again and again, never twice at once, and not while nobody looks. */

import { browserClock } from './clock.js';

/**
 * @param {() => Promise<number>} refresh tells after how many ms to ask again
 * @param {{later: Function, cancel: Function}} clock
 */
export function createPoller(refresh, clock = browserClock) {
  let timer = null;
  let busy = false;
  let again = false;
  let paused = false;

  /** Ask at once, or, while an answer is awaited, once more after it. */
  async function now() {
    if (busy) {
      again = true;
      return;
    }
    clock.cancel(timer);
    busy = true;
    let wait;
    do {
      again = false;
      wait = await refresh();
    } while (again);
    busy = false;
    if (!paused) timer = clock.later(now, wait);
  }

  return {
    now,
    pause() {
      paused = true;
      clock.cancel(timer);
    },
    resume() {
      paused = false;
      return now();
    },
  };
}
