/** Positions as text: what addresses carry (16 characters), what people type, and what they read. */

import { MAX_EXPONENT } from './rules.js';

const DIGITS = '0123456789abcdefgh'; // exponents 0 ... 17

/** Words for an empty cell. */
const EMPTY = new Set(['.', '-', '_', '·', 'x']);

/** Board -> "0010020000000000", a digit a cell, row by row. */
export const codeOf = (board) => Array.from(board, (e) => DIGITS[e]).join('');

/** "0010020000000000" -> board; null if it is none. */
export function boardOf(code) {
  return /^[0-9a-h]{16}$/.test(code) ? Uint8Array.from(code, (digit) => DIGITS.indexOf(digit)) : null;
}

/** Four lines of tiles, as a person would write them. */
export function formatPosition(board) {
  const cells = Array.from(board, (e) => (e === 0 ? '.' : String(2 ** e)));
  const width = Math.max(...cells.map((cell) => cell.length));
  return [0, 4, 8, 12]
    .map((row) => cells.slice(row, row + 4).map((cell) => cell.padStart(width)).join(' '))
    .join('\n');
}

/** The exponent of a tile's face, 0 of 0; NaN if there is no such tile. */
function exponentOf(face) {
  const exponent = face === 0 ? 0 : Math.log2(face);
  return face !== 1 && Number.isInteger(exponent) && exponent <= MAX_EXPONENT ? exponent : NaN;
}

/**
 * Read a position that was typed or pasted: 16 tiles, row by row, with anything usual between them; or their
 * exponents; or the 16 characters of an address.
 *
 * @returns {Uint8Array} 16 exponents
 * @throws {Error} with words for people
 */
export function parsePosition(text) {
  const code = boardOf(text.trim());
  if (code !== null) return code;
  const words = text.split(/[\s,;/|[\]()]+/).filter(Boolean);
  if (words.length !== 16) throw new Error(`A board has 16 cells; there are ${words.length} here.`);
  const numbers = words.map((word) => (EMPTY.has(word) ? 0 : Number(word)));
  const faces = numbers.map(exponentOf);
  if (!faces.some(Number.isNaN)) return Uint8Array.from(faces);
  const areExponents = numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= MAX_EXPONENT);
  if (areExponents) return Uint8Array.from(numbers);
  const wrong = words[faces.findIndex(Number.isNaN)];
  throw new Error(`“${wrong.slice(0, 20)}” is no tile: tiles are 2, 4, 8 … 131072, and 0 is an empty cell.`);
}
