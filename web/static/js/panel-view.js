/** Everything on the page but the board: score, move, slider, buttons, speed. */

import { RewardView } from './reward-view.js';
import { showSpeeds } from './speeds.js';
import { ThoughtsView } from './thoughts-view.js';
import { TransportView } from './transport-view.js';
import { ACTION_ARROWS, ACTION_NAMES, countMoves, formatDate, formatNumber } from './words.js';

const byId = (id) => document.getElementById(id);

export class PanelView {
  #score = byId('score');
  #reward = new RewardView(byId('score-addition'));
  #maxTile = byId('max-tile');
  #move = byId('move');
  #transport = new TransportView();
  #thoughts;

  /** Write what stays the same for the whole game. */
  constructor(game) {
    this.#thoughts = new ThoughtsView(game);
    byId('agent').textContent = game.agent || 'Unknown player';
    byId('about').textContent = [
      `${formatNumber(game.scores[game.length])} points`,
      countMoves(game.length),
      game.seed === null ? '' : `seed ${game.seed}`,
      game.setUp ? 'set-up board' : '',
      formatDate(game.createdAt),
    ].filter(Boolean).map((part) => part.replaceAll(' ', '\u00a0').replaceAll('-', '\u2011')).join(' · ');
    showSpeeds(byId('speed'));
  }

  /** Show a position and the player's state. */
  show(position, player) {
    this.#score.textContent = formatNumber(position.score);
    this.#maxTile.textContent = position.maxTile;
    this.#move.textContent = position.action === null
      ? 'Start'
      : `${ACTION_ARROWS[position.action]} ${ACTION_NAMES[position.action]}`;
    this.#transport.show(position, player);
    this.#thoughts.show(position);
  }

  /** Let "+N" float off the score. */
  floatReward(reward) {
    this.#reward.float(reward);
  }

  dropReward() {
    this.#reward.drop();
  }
}
