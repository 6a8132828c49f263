/** Numbers, moves and boards in words, for the page and for screen readers. */

export const ACTION_NAMES = ['up', 'right', 'down', 'left'];
export const ACTION_ARROWS = ['↑', '→', '↓', '←'];

const NUMBER = new Intl.NumberFormat('en');
const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** `12345` -> "12,345". */
export const formatNumber = (n) => NUMBER.format(n);

/** "1 move", "2,345 moves". */
export const countMoves = (n) => `${formatNumber(n)} ${n === 1 ? 'move' : 'moves'}`;

/** An ISO time -> "Nov 21, 2026"; anything else -> "". */
export function formatDate(iso) {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? '' : DATE.format(date);
}

/** An ISO time -> "5 min ago", "3 h ago"; the date if it is two days ago or more. `now` is in ms since 1970. */
export function formatAgo(iso, now) {
  const minutes = Math.floor((now - Date.parse(iso)) / 60_000);
  if (minutes >= 48 * 60) return formatDate(iso);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ago`;
  return minutes >= 1 ? `${minutes} min ago` : 'just now';
}

/** A probability in parts of 255 -> "50 %"; what is there but rounds to nothing is "<1 %". */
export function formatShare(parts) {
  const percent = Math.round((100 * parts) / 255);
  return parts > 0 && percent === 0 ? '<1 %' : `${percent} %`;
}

/** How likely the player found each move, the likeliest first: "up 70 %, left 30 %". */
function thoughtsInWords(thoughts) {
  return ACTION_NAMES.map((name, action) => [thoughts[action], name])
    .filter(([parts]) => parts > 0)
    .sort(([a], [b]) => b - a)
    .map(([parts, name]) => `${name} ${formatShare(parts)}`)
    .join(', ');
}

/** The tiles of one row: "2, empty, 4, 16". */
function rowInWords(row) {
  return Array.from(row, (e) => (e === 0 ? 'empty' : String(2 ** e))).join(', ');
}

/** A position as a sentence or two, the board row by row. */
export function describe(position, length) {
  const { ply, board, score, action, over, next = null, thoughts = null } = position;
  const move = action === null ? 'start' : `moved ${ACTION_NAMES[action]}`;
  const rows = [0, 1, 2, 3].map((y) => `Row ${y + 1}: ${rowInWords(board.subarray(4 * y, 4 * y + 4))}.`);
  const end = over ? ['Game over.'] : [];
  const plan = thoughts ? [`The player thinks: ${thoughtsInWords(thoughts)}; and moves ${ACTION_NAMES[next]}.`] : [];
  return [`Ply ${ply} of ${length}, ${move}.`, `Score ${score}.`, ...rows, ...plan, ...end].join(' ');
}
