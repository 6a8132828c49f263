/** Score, largest tile and what else is told of a game that grows, beside its board. */

import { RewardView } from './reward-view.js';
import { formatNumber } from './words.js';

const byId = (id) => document.getElementById(id);

export class GamePanelView {
  #reward = new RewardView(byId('score-addition'));
  #more;

  /** @param {(position: object, player: object) => void} more shows what else there is on the page */
  constructor(more) {
    this.#more = more;
  }

  show(position, player) {
    byId('score').textContent = formatNumber(position.score);
    byId('max-tile').textContent = position.maxTile > 1 ? position.maxTile : '–';
    byId('move').textContent = formatNumber(position.ply);
    this.#more(position, player);
  }

  floatReward(reward) {
    this.#reward.float(reward);
  }

  dropReward() {
    this.#reward.drop();
  }
}

/** A line that says how the game stands; problems stand out. */
export function showStatus(text, isProblem = false) {
  const line = byId('status');
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle('problem', isProblem);
}
