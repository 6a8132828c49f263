/**
 * Milestones: the plies at which a game first makes 512, 1024, ...
 *
 * @typedef {object} Milestone
 * @property {number} tile
 * @property {number} ply
 */

import { MAX_EXPONENT } from './rules.js';

const FIRST_EXPONENT = 9;

/** The exponent of the largest tile at every ply. */
export function largestExponents({ boards, length }) {
  const largest = new Uint8Array(length + 1);
  for (let ply = 0; ply <= length; ply++) {
    let exponent = 0;
    for (let i = 16 * ply; i < 16 * ply + 16; i++) if (boards[i] > exponent) exponent = boards[i];
    largest[ply] = exponent;
  }
  return largest;
}

/** @returns {Milestone[]} in the order of the game; what a set-up board has from the start is none */
export function milestonesOf(largest) {
  const found = [];
  for (let ply = 1; ply < largest.length; ply++) {
    if (largest[ply] > largest[ply - 1] && largest[ply] >= FIRST_EXPONENT) found.push({ tile: 2 ** largest[ply], ply });
  }
  return found;
}

/** The tile that would be the first milestone of a game; null where the start board has the largest tile there is. */
export function firstMilestone({ boards }) {
  const exponent = Math.max(FIRST_EXPONENT, 1 + Math.max(...boards.subarray(0, 16)));
  return exponent > MAX_EXPONENT ? null : 2 ** exponent;
}

/** The first milestone after a ply, undefined if there is none. */
export const nextMilestone = (milestones, ply) => milestones.find((milestone) => milestone.ply > ply);

/** The last milestone before a ply, undefined if there is none. */
export const previousMilestone = (milestones, ply) => milestones.findLast((milestone) => milestone.ply < ply);
