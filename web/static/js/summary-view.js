/** The game in figures: how good its moves were, when it made which tile, which tiles there were. */

import { LABELS, summaryOf } from './analysis.js';
import { firstMilestone } from './milestones.js';
import { ACTION_ARROWS, ACTION_NAMES, formatNumber } from './words.js';

const PERCENT = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const formatPart = (part) => `${PERCENT.format(100 * part)} %`;

const create = (tag, className, ...children) => {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
};

const chip = (tile) => create('span', `chip tile-${tile}`, String(tile));

/** A row of a list of terms: what it is, and the figures. */
function row(term, ...figures) {
  return create('div', '', create('dt', '', ...[term].flat()), ...figures.map((figure) => create('dd', '', figure)));
}

/** How often each of some numbers occurs. */
function tally(numbers, size) {
  const counts = new Uint32Array(size);
  for (const number of numbers) counts[number] += 1;
  return counts;
}

export class SummaryView {
  #root;

  /** Write what is known without an analysis. */
  constructor(root, game, milestones, seek) {
    this.#root = root;
    this.#showMilestones(game, milestones, seek);
    this.#showTiles(game);
  }

  /** Show how good the moves were, as far as they are judged; null takes it away. */
  showAnalysis(analysis) {
    const summary = analysis && summaryOf(analysis);
    this.#root.querySelector('.judgement').hidden = summary === null;
    if (summary === null) return;
    this.#root.querySelector('.accuracy').textContent = formatPart(summary.accuracy);
    this.#root.querySelector('.agreement').textContent = formatPart(summary.perfect);
    this.#root.querySelector('.labels').replaceChildren(...LABELS.map(({ name }, label) => row(
      [create('span', `dot label-${label}`), name],
      formatNumber(analysis.counts[label]),
      formatPart(analysis.counts[label] / summary.judged),
    )));
  }

  #showMilestones(game, milestones, seek) {
    const root = this.#root.querySelector('.milestones');
    const list = root.querySelector('ul');
    const none = root.querySelector('.none');
    none.hidden = milestones.length > 0;
    const first = firstMilestone(game);
    none.textContent = first ? `${first} was not reached.` : 'There is no larger tile than its first one.';
    list.hidden = milestones.length === 0;
    list.replaceChildren(...milestones.map(({ tile, ply }) => {
      const button = create('button', 'quiet', chip(tile), ` ply ${formatNumber(ply)}`);
      button.type = 'button';
      button.addEventListener('click', () => seek(ply));
      return create('li', '', button);
    }));
  }

  #showTiles({ boards, codes, length }) {
    const end = tally(boards.subarray(16 * length), 18);
    const tiles = Array.from(end, (count, exponent) => [exponent, count]).filter(([e, count]) => e > 0 && count > 0);
    this.#root.querySelector('.at-end').replaceChildren(...tiles.reverse().map(([exponent, count]) => create(
      'li', '', chip(2 ** exponent), count > 1 ? ` × ${count}` : '',
    )));
    const fours = tally(codes.map((code) => code & 1), 2);
    const moves = tally(codes.map((code) => code >> 5), 4);
    const share = (count) => formatPart(length === 0 ? 0 : count / length);
    this.#root.querySelector('.dealt').replaceChildren(
      ...[2, 4].map((tile, i) => row(['New ', chip(tile)], formatNumber(fours[i]), share(fours[i]))),
      ...ACTION_NAMES.map((name, action) => row(
        `${ACTION_ARROWS[action]} ${name}`, formatNumber(moves[action]), share(moves[action]),
      )),
    );
  }
}
