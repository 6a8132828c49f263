/** The values of the four moves: a bar, a number, and what is lost by taking it. */

import { LABELS, strengthOf } from './analysis.js';
import { ACTION_ARROWS, ACTION_NAMES, formatNumber } from './words.js';

const LOSS = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
const DECIMAL = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A value in its unit: points "12,345", a return "17.31". */
export function formatMoveValue(value, unit) {
  if (Number.isNaN(value)) return '–';
  if (unit === 'points') return formatNumber(Math.round(value));
  return DECIMAL.format(value);
}

/** What a move loses: "best", "−0.3 %"; what is next to nothing is "<0.01 %". */
export function formatLoss({ ratio, best }) {
  if (Number.isNaN(ratio)) return '';
  if (best) return 'best';
  const percent = 100 * (1 - ratio);
  return percent < 0.01 ? '<0.01 %' : `−${LOSS.format(percent)} %`;
}

/** The four moves in a sentence, for those who do not see them. */
export function movesInWords(moves, next, unit) {
  const told = moves
    .map((move, action) => ({ ...move, action }))
    .filter(({ ratio }) => !Number.isNaN(ratio))
    .sort((a, b) => b.value - a.value)
    .map((move) => `${ACTION_NAMES[move.action]} ${formatMoveValue(move.value, unit)} (${formatLoss(move)})`);
  if (told.length === 0) return '';
  const played = next === null ? '' : ` Played: ${ACTION_NAMES[next]}, ${LABELS[moves[next].label]?.name ?? ''}.`;
  return `The judge thinks: ${told.join(', ')}.${played}`;
}

export class MovesView {
  #rows;

  /** @param {Element} root with a `.judged` for each direction */
  constructor(root) {
    this.#rows = Array.from(root.querySelectorAll('.judged'));
    this.#rows.forEach((row, action) => {
      row.querySelector('dt').textContent = `${ACTION_ARROWS[action]} ${ACTION_NAMES[action]}`;
    });
  }

  /** Show the moves of `movesAt`, null where nothing is known, and which one was played. */
  show(moves, next, unit) {
    this.#rows.forEach((row, action) => {
      const move = moves?.[action] ?? { value: NaN, ratio: NaN, best: false, label: -1 };
      const label = action === next ? LABELS[move.label] : undefined;
      row.classList.toggle('best', move.best);
      row.classList.toggle('played', action === next);
      row.style.setProperty('--share', strengthOf(move.ratio));
      row.querySelector('.worth').textContent = formatMoveValue(move.value, unit);
      row.querySelector('.loss').textContent = formatLoss(move);
      const badge = row.querySelector('.badge');
      badge.textContent = label?.name ?? '';
      badge.className = label ? `badge label-${move.label}` : 'badge';
    });
  }
}
