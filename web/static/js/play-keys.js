/** Which key does what while one plays by hand. */

import { DOWN, LEFT, RIGHT, UP } from './rules.js';

const MOVES = {
  ArrowUp: UP, ArrowRight: RIGHT, ArrowDown: DOWN, ArrowLeft: LEFT,
  w: UP, d: RIGHT, s: DOWN, a: LEFT,
  k: UP, l: RIGHT, j: DOWN, h: LEFT,
};

const COMMANDS = { u: 'undo', Backspace: 'undo', i: 'hint', n: 'new', e: 'setUp', ' ': 'agent', '?': 'help' };

/**
 * What a key asks for: `{move}` or `{command}`, or null.
 *
 * @param {{key: string, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean}} event
 */
export function wishOf({ key, ctrlKey, altKey, metaKey }) {
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || altKey || metaKey) return (ctrlKey || metaKey) && name === 'z' ? { command: 'undo' } : null;
  if (Object.hasOwn(MOVES, name)) return { move: MOVES[name] };
  return Object.hasOwn(COMMANDS, name) ? { command: COMMANDS[name] } : null;
}
