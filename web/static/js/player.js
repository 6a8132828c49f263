/**
 * The player as plain state: which ply is shown, and how it moves on.
 *
 * Every function takes a state and returns the next one. Time is an argument,
 * so that nothing here waits, draws or knows of a clock.
 *
 * @typedef {object} Player
 * @property {number} length   plies in the game
 * @property {number} ply      the ply shown, 0 ... length
 * @property {boolean} playing
 * @property {1 | -1} direction forward or backward play
 * @property {number} speed    one of SPEEDS
 * @property {number} credit   ms of play not yet turned into plies
 * @property {boolean} open    whether more plies may come: forward play then waits at the end
 */

/** Multiples of the original's pace; Infinity is "as fast as it can". */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1000, Infinity];

/** ms that one move lasts at speed 1: a slide of 100, then a new tile of 200. */
export const MOVE_MS = 300;

/** At the highest speed no game lasts longer than this, in ms; a short one runs at 2000. */
const WHOLE_GAME_MS = 2000;

const clamp = (ply, length) => Math.min(Math.max(ply, 0), length);

/** The ply where play in the present direction ends. */
const endOf = ({ direction, length }) => (direction > 0 ? length : 0);

/** Whether it has come to where play ends, and not only to where it waits for more plies. */
const hasEnded = (player) => player.ply === endOf(player) && !(player.open && player.direction > 0);

/** @returns {Player} */
export function createPlayer(length, ply = 0, speed = 1, open = false) {
  return { length, ply: clamp(ply, length), playing: false, direction: 1, speed, credit: 0, open };
}

/** Go on with a game that has grown, or lost its last plies. */
export function resize(player, length, open = player.open) {
  return { ...player, length, open, ply: clamp(player.ply, length) };
}

export function pause(player) {
  return { ...player, playing: false, credit: 0 };
}

/** Go to a ply, clamped to the game. Going somewhere by hand pauses. */
export function seek(player, ply) {
  return { ...pause(player), ply: clamp(ply, player.length) };
}

/** Play on in a direction: the first move comes at once, and from the end it starts over. */
export function play(player, direction = player.direction) {
  const next = { ...player, direction, playing: player.length > 0 || player.open };
  if (hasEnded(next)) next.ply = endOf({ ...next, direction: -direction });
  return { ...next, credit: msPerPly(next) };
}

/** Pause if playing in this direction, else play in it. */
export function toggle(player, direction = player.direction) {
  return player.playing && player.direction === direction ? pause(player) : play(player, direction);
}

export function setSpeed(player, speed) {
  return SPEEDS.includes(speed) ? { ...player, speed, credit: 0 } : player;
}

/** The next speed up (`by` = 1) or down (-1), if there is one. */
export function changeSpeed(player, by) {
  return setSpeed(player, SPEEDS[SPEEDS.indexOf(player.speed) + by]);
}

/** ms that one ply lasts at the present speed. */
export function msPerPly({ speed, length }) {
  if (Number.isFinite(speed)) return MOVE_MS / speed;
  return Math.min(MOVE_MS / 2000, WHOLE_GAME_MS / Math.max(length, 1));
}

/** Let `ms` pass: play on by as many plies as fall due, and pause at the end. */
export function advance(player, ms) {
  if (!player.playing) return player;
  const period = msPerPly(player);
  const due = Math.floor((player.credit + ms) / period);
  const ply = clamp(player.ply + player.direction * due, player.length);
  const next = { ...player, ply, credit: player.credit + ms - due * period };
  if (hasEnded(next)) return pause(next);
  return ply === endOf(next) ? { ...next, credit: period } : next; // what comes next is due at once
}
