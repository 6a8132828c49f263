/** Who judges the game, how far ahead, and how far the analysis has come. */

import { load, save } from './settings.js';
import { countMoves, formatNumber } from './words.js';

const KINDS = [['n-tuple', 'n-tuple networks'], ['policy', 'Policies'], ['baseline', 'Without training']];

const byId = (id) => document.getElementById(id);

export class JudgeView {
  #judges = [];
  #player = byId('judge');
  #depth = byId('judge-depth');
  #button = byId('analyse');
  #status = byId('analysis-status');
  #progress = byId('analysis-progress');

  /** @param {{onStart: (player: string, depth: number) => void, onStop: () => void}} handlers */
  constructor({ onStart, onStop }) {
    this.#player.addEventListener('change', () => this.#showDepths());
    byId('ask').addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#button.dataset.running) onStop();
      else {
        save('judge', this.#player.value);
        onStart(this.#player.value, Number(this.#depth.value));
      }
    });
  }

  /** Offer the players that can judge. */
  offer(players) {
    this.#judges = players.filter(({ judge_depth: lowest }) => lowest !== null);
    this.#player.replaceChildren(...KINDS.flatMap(([kind, label]) => {
      const members = this.#judges.filter((judge) => judge.kind === kind);
      if (members.length === 0) return [];
      const group = Object.assign(document.createElement('optgroup'), { label });
      group.append(...members.map(({ name, title }) => new Option(title, name)));
      return [group];
    }));
    const wished = load('judge', '');
    if (this.#judges.some(({ name }) => name === wished)) this.#player.value = wished;
    byId('untrained').hidden = this.#judges.some(({ kind }) => kind !== 'baseline');
    this.#showDepths();
    this.#button.disabled = false;
  }

  /** Show who judges, and that it is under way. */
  showStart({ player, depth }) {
    this.#player.value = player;
    this.#showDepths();
    this.#depth.value = depth;
    this.#button.textContent = 'Stop';
    this.#button.dataset.running = '1';
    this.#status.textContent = 'The judge is getting ready …';
  }

  showProgress(done, total) {
    this.#progress.hidden = false;
    this.#progress.max = total;
    this.#progress.value = done;
    this.#status.ariaLive = 'off'; // nobody wants to hear every block
    this.#status.textContent = `${formatNumber(done)} of ${formatNumber(total)} positions`;
  }

  /** Show that it came to an end, and how. */
  showEnd(words) {
    this.#button.textContent = 'Analyse';
    delete this.#button.dataset.running;
    this.#progress.hidden = true;
    this.#status.ariaLive = 'polite';
    this.#status.textContent = words;
  }

  #showDepths() {
    const judge = this.#judges.find(({ name }) => name === this.#player.value);
    const { judge_depth: lowest, max_depth: highest } = judge;
    const depths = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
    this.#depth.replaceChildren(...depths.map((depth) => new Option(countMoves(depth), depth)));
    byId('judge-depth-box').hidden = depths.length === 1;
  }
}
