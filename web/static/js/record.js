/**
 * A recorded game, decoded once into every board that it passes through.
 *
 * 30,000 plies are 480 kB, so that seeking is a lookup and playing backward
 * costs nothing. One ply is one character: see `plyCode`.
 */

import { bytesOf } from './base64.js';
import { isOver, slide } from './rules.js';
import { ACTION_NAMES } from './words.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const FIRST_WITH_FOUR = 0xc0;

/** UTF-16 code unit -> 7-bit ply code, 255 where there is none. */
const CODES = new Uint8Array(FIRST_WITH_FOUR + 64).fill(255);
for (let k = 0; k < 64; k++) {
  CODES[ALPHABET.charCodeAt(k)] = k << 1;
  CODES[FIRST_WITH_FOUR + k] = (k << 1) | 1;
}

/** The record breaks the format or the rules; the message says where. */
export class RecordError extends Error {
  name = 'RecordError';
}

/**
 * The code of ply `index` of `plies`: `action << 5 | cell << 1 | is4`.
 *
 * With k = code >> 1, the character is the k-th of the base64url alphabet if
 * the new tile is a 2, and U+00C0 + k if it is a 4.
 */
export function plyCode(plies, index) {
  const code = CODES[plies.charCodeAt(index)] ?? 255;
  if (code === 255) throw new RecordError(`Ply ${index + 1} is not a ply: “${plies[index]}”.`);
  return code;
}

/** The character of a ply's code. */
export function plyCharacter(code) {
  return code & 1 ? String.fromCharCode(FIRST_WITH_FOUR + (code >> 1)) : ALPHABET[code >> 1];
}

/** Replay one ply from `board`; returns the board after its new tile, and its reward. */
export function replay(board, code, ply) {
  const cell = (code >> 1) & 15;
  const { board: after, moved, reward } = slide(board, code >> 5);
  if (!moved) throw new RecordError(`Ply ${ply} moves nothing: ${ACTION_NAMES[code >> 5]}.`);
  if (after[cell]) throw new RecordError(`Ply ${ply} puts a tile on one that is there already.`);
  after[cell] = 1 + (code & 1);
  return { after, reward };
}

/** Refuse what is not a game of this format, before any ply is looked at. */
function checkHeader({ format, version, start, plies }) {
  if (format !== 'game2048') throw new RecordError('This is not a game2048 record.');
  if (version !== 1) throw new RecordError(`Version ${version} of the format is unknown.`);
  if (start?.length !== 16 || typeof plies !== 'string') {
    throw new RecordError('The record lacks its start board or its plies.');
  }
}

/** What the player thought at every ply: four parts of 255 each, as bytes; null where the record does not say. */
function thoughtsOf({ probabilities = null }, length) {
  if (probabilities === null) return null;
  let bytes;
  try {
    bytes = bytesOf(probabilities);
  } catch {
    throw new RecordError('The probabilities are not base64.');
  }
  if (bytes.length !== 4 * length) {
    throw new RecordError(`There are ${bytes.length} probabilities for ${length} plies, not four for each.`);
  }
  return bytes;
}

/**
 * Decode a record into all its boards.
 *
 * @param {object} record the JSON of one game
 * @returns {object} its `id`, `agent`, `seed`, `setUp` and `createdAt`; `length`, the number of plies;
 *   `boards`, Uint8Array of (length + 1) x 16; `scores`, Uint32Array of length + 1; `codes`; `thoughts`,
 *   Uint8Array of length x 4, or null
 * @throws {RecordError} if the record breaks the format or the rules
 */
export function decode(record) {
  checkHeader(record);
  const { start, plies } = record;
  const length = plies.length;
  const boards = new Uint8Array((length + 1) * 16);
  const scores = new Uint32Array(length + 1);
  const codes = new Uint8Array(length);
  boards.set(start);
  for (let i = 0; i < length; i++) {
    codes[i] = plyCode(plies, i);
    const { after, reward } = replay(boards.subarray(16 * i, 16 * i + 16), codes[i], i + 1);
    boards.set(after, 16 * (i + 1));
    scores[i + 1] = scores[i] + reward;
  }
  const { id, agent, seed = null, set_up: setUp = false, created_at: createdAt = null } = record;
  const thoughts = thoughtsOf(record, length);
  return Object.freeze({ id, agent, seed, setUp, createdAt, length, boards, scores, codes, thoughts });
}

/**
 * What there is to see at a ply: the board and the move that led to it.
 *
 * `action` and `spawn` (the cell of the new tile) are null at ply 0. `next` is the move that comes, and `thoughts` how
 * likely the player found each move then, in parts of 255; they are null at the end, and where nothing is known of it.
 */
export function positionAt(game, ply) {
  const board = game.boards.subarray(16 * ply, 16 * ply + 16);
  const code = ply > 0 ? game.codes[ply - 1] : null;
  const last = ply === game.length;
  return {
    ply,
    board,
    score: game.scores[ply],
    reward: ply > 0 ? game.scores[ply] - game.scores[ply - 1] : 0,
    action: code === null ? null : code >> 5,
    spawn: code === null ? null : (code >> 1) & 15,
    maxTile: 2 ** Math.max(...board),
    over: last && isOver(board),
    next: last ? null : game.codes[ply] >> 5,
    thoughts: last ? null : game.thoughts?.subarray(4 * ply, 4 * ply + 4) ?? null,
  };
}
