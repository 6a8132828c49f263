/** Numbers, moves and boards in words, for the page and for screen readers. */

export const ACTION_NAMES = ['up', 'right', 'down', 'left'];
export const ACTION_ARROWS = ['↑', '→', '↓', '←'];

const NUMBER = new Intl.NumberFormat('en');
const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** `12345` -> "12,345". */
export const formatNumber = (n) => NUMBER.format(n);

/** An ISO time -> "Nov 21, 2026"; anything else -> "". */
export function formatDate(iso) {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? '' : DATE.format(date);
}

/** The tiles of one row: "2, empty, 4, 16". */
function rowInWords(row) {
  return Array.from(row, (e) => (e === 0 ? 'empty' : String(2 ** e))).join(', ');
}

/** A position as a sentence or two, the board row by row. */
export function describe(position, length) {
  const { ply, board, score, action, over } = position;
  const move = action === null ? 'start' : `moved ${ACTION_NAMES[action]}`;
  const rows = [0, 1, 2, 3].map((y) => `Row ${y + 1}: ${rowInWords(board.subarray(4 * y, 4 * y + 4))}.`);
  const end = over ? ['Game over.'] : [];
  return [`Ply ${ply} of ${length}, ${move}.`, `Score ${score}.`, ...rows, ...end].join(' ');
}
