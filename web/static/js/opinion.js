/** What a player thinks of the four moves of one position, as the views of an analysis show it. */

import { labelOf, ratioOf } from './analysis.js';

const UNITS = {
  points: 'points still to come',
  return: 'the return that it expects',
  probability: 'how likely it is to play them',
  nothing: 'all are the same to it',
};

/**
 * The four moves by their values, as `movesAt` of an analysis; null if they are all the same to the player.
 *
 * @param {{values: (number | null)[], unit: string}} opinion null for illegal moves
 */
export function movesOf({ values, unit }) {
  const legal = values.filter((value) => value !== null);
  if (legal.length === 0 || unit === 'nothing') return null;
  const best = Math.max(...legal);
  return values.map((value) => {
    const ratio = value === null ? NaN : ratioOf(value, best);
    return { value: value ?? NaN, ratio, label: labelOf(ratio), best: value === best };
  });
}

/** Whose opinion it is, and what the numbers are: "teacher: n-tuple network values moves by points still to come". */
export const aboutOpinion = ({ who, unit }) => `${who}, of its moves: ${UNITS[unit]}`;
