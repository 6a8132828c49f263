/** The list of speeds, and the one that is chosen there. */

import { SPEEDS } from './player.js';
import { load } from './settings.js';

/** The value of a speed in the list: "0.25" ... "1000", "max". */
export const speedKey = (speed) => (Number.isFinite(speed) ? String(speed) : 'max');
export const speedFrom = (key) => (key === 'max' ? Infinity : Number(key));

/** The speed of the last visit. */
export function savedSpeed() {
  const speed = speedFrom(load('speed', '1'));
  return SPEEDS.includes(speed) ? speed : 1;
}

/** Fill the list, the speed of the last visit chosen. */
export function showSpeeds(select) {
  select.replaceChildren(...SPEEDS.map((speed) => {
    const key = speedKey(speed);
    return new Option(Number.isFinite(speed) ? `${key}×` : key, key);
  }));
  select.value = speedKey(savedSpeed());
}
