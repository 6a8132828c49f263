/**
 * What the reader looks at, as plain state that fits into an address:
 * `#run=ppo&run=vtrace&over=time&log=yes&smooth=no`.
 *
 * @typedef {object} Selection
 * @property {(string | null)[]} slots the chosen runs; a slot is what a run is drawn with
 * @property {string} axis
 * @property {boolean} log whether the axis is logarithmic
 * @property {boolean} smooth
 */

import { AXES } from './curves.js';

/** As many runs can be told apart. */
export const MAX_CHOSEN = 8;

/** The runs to begin with: those that are running, else the newest. */
export function defaultRuns(runs) {
  const running = runs.filter((run) => run.running);
  return (running.length > 0 ? running : runs.slice(0, 1)).slice(0, MAX_CHOSEN).map((run) => run.name);
}

/** @returns {Selection} what an address asks for; without runs in it, `slots` is empty */
export function selectionFrom(hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const axis = query.get('over');
  return {
    slots: [...new Set(query.getAll('run'))].slice(0, MAX_CHOSEN),
    axis: AXES.includes(axis) ? axis : 'steps',
    log: query.get('log') === 'yes',
    smooth: query.get('smooth') !== 'no',
  };
}

export function hashOf({ slots, axis, log, smooth }) {
  const query = new URLSearchParams(slots.filter((name) => name !== null).map((name) => ['run', name]));
  if (axis !== 'steps') query.set('over', axis);
  if (log) query.set('log', 'yes');
  if (!smooth) query.set('smooth', 'no');
  return `#${query}`;
}

export const chosen = ({ slots }) => slots.filter((name) => name !== null);

/** Add a run in the first free slot, or take it away; the others keep theirs. A full selection stays as it is. */
export function toggled(selection, name) {
  const slots = [...selection.slots];
  const slot = slots.indexOf(name);
  const free = slots.indexOf(null);
  if (slot >= 0) slots[slot] = null;
  else if (free >= 0) slots[free] = name;
  else if (slots.length < MAX_CHOSEN) slots.push(name);
  return { ...selection, slots };
}

/** Take away the runs that are no longer there. */
export function without(selection, names) {
  return { ...selection, slots: selection.slots.map((name) => (names.has(name) ? name : null)) };
}
