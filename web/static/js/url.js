/** The address of a ply: `/games/<id>#<ply>`. */

import { browserClock } from './clock.js';

/** ms between two writes: browsers refuse more than about 200 in 10 s. */
export const STEP_INTERVAL = 120;
export const PLAY_INTERVAL = 500;

/** `/games/3f9a0c` -> "3f9a0c"; null if the path names no game. */
export function gameIdFrom(pathname) {
  return /^\/games\/([^/]+)\/?$/.exec(pathname)?.[1] ?? null;
}

/** `#123` -> 123, clamped to 0 ... length; what is not a number is the start. */
export function plyFrom(hash, length) {
  const text = hash.replace(/^#/, '').trim();
  return /^\d+$/.test(text) ? Math.min(Number(text), length) : 0;
}

/** What was typed as a ply, `12,345` as well as `12345`, at most `length`; null if it is no number. */
export function plyTyped(text, length) {
  const digits = text.replace(/[,\s]/g, '');
  return /^\d+$/.test(digits) ? Math.min(Number(digits), length) : null;
}

/** Whether the address asks to start playing at once: `/games/3f9a0c?play`. */
export function asksToPlay(search) {
  return new URLSearchParams(search).has('play');
}

/**
 * Keep the address up to date: at once if the last write is long ago, else as
 * soon as the interval has passed, and then with the newest ply only.
 *
 * @param {(ply: number) => void} write
 * @param {{now: () => number, later: Function, cancel: Function}} clock
 * @returns {(ply: number, interval?: number) => void}
 */
export function createPlyWriter(write, clock = browserClock) {
  let lastTime = -Infinity;
  let lastPly = null;
  let timer = null;

  function flush(ply) {
    clock.cancel(timer);
    timer = null;
    if (ply === lastPly) return;
    lastTime = clock.now();
    lastPly = ply;
    write(ply);
  }

  return function update(ply, interval = STEP_INTERVAL) {
    clock.cancel(timer);
    const wait = lastTime + interval - clock.now();
    if (wait <= 0) flush(ply);
    else timer = clock.later(() => flush(ply), wait);
  };
}

/** Write an address into the address bar without a new entry in the history. */
export function writeAddress(address) {
  try {
    history.replaceState(null, '', address);
  } catch {
    // Safari throws when it has had too many; the next write will do.
  }
}

/** Write the ply of the page's game there. */
export const writeHash = (ply) => writeAddress(`${location.pathname}#${ply}`);
