/** What can be taken away of a game, and under which address, as plain values. */

import { gamePath } from './api.js';

export const FILES = [
  ['game2048', 'Our JSON', 'small, keeps who played'],
  ['hobby', 'Hobby JSON', 'one object a ply'],
  ['2048verse', '2048verse', 'for 2048verse.com'],
];

export const PICTURES = [
  ['gif', 'GIF', 'plays everywhere'],
  ['mp4', 'MP4', 'small video'],
  ['webm', 'WebM', 'open video'],
];

export const SPEEDS = ['0.25', '0.5', '1', '2', '4', '8', '16', '32', '64'];

/** The server makes so many plies of a picture at speed 1: a second of it is the last board. */
const PLIES_AT_SPEED_1 = 130;

export const isPicture = (format) => PICTURES.some(([name]) => name === format);

/** How many plies a picture can have at a speed. */
export const mostPlies = (speed) => Math.floor(PLIES_AT_SPEED_1 * Number(speed));

/** The whole game at the lowest speed that shows it, where there is one; else its last plies at the highest. */
export function wholeGame(length) {
  const speed = SPEEDS.find((s) => Number(s) >= 1 && mostPlies(s) >= length) ?? SPEEDS.at(-1);
  return { first: Math.max(0, length - mostPlies(speed)), last: length, speed };
}

/** What is shown around a ply: the moves that led to it. */
export function aroundPly(ply, length) {
  const last = Math.min(length, Math.max(ply, 20));
  return { first: Math.max(0, last - 60), last, speed: '1' };
}

/** Read a ply: a number from 0 to the length of the game, else NaN. */
export function plyOf(text, length) {
  const plain = text.replace(/[\s,.]/g, '');
  const ply = /^\d{1,6}$/.test(plain) ? Number(plain) : NaN;
  return ply <= length ? ply : NaN;
}

/** Why no picture can be made of these plies, in words; '' where one can. */
export function objection({ first, last, speed }, length) {
  if (Number.isNaN(first) || Number.isNaN(last)) return `Plies are numbers from 0 to ${length}.`;
  if (first > last) return 'The first ply comes after the last.';
  const most = mostPlies(speed);
  if (last - first <= most) return '';
  return `At ${speed}× a picture has at most ${most} plies, these are ${last - first}: choose fewer, or a higher speed.`;
}

/** The address of a file or a picture. */
export function exportPath(id, { format, first, last, speed, size, theme }) {
  const path = gamePath(id);
  if (!isPicture(format)) return `${path}/export?${new URLSearchParams({ format })}`;
  return `${path}/animation?${new URLSearchParams({ format, first, last, speed, size, theme })}`;
}

/** How long a picture lasts, in words: "about 12 s". */
export function durationOf({ first, last, speed }) {
  const seconds = ((last - first) * 0.3) / Number(speed) + 1;
  return `about ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
