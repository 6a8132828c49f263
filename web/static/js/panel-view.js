/** Everything on the page but the board: score, move, slider, buttons, speed. */

import { SPEEDS } from './player.js';
import { RewardView } from './reward-view.js';
import { ThoughtsView } from './thoughts-view.js';
import { ACTION_ARROWS, ACTION_NAMES, formatDate, formatNumber } from './words.js';

/** The value of a speed in the select: "0.25" ... "1000", "max". */
const speedKey = (speed) => (Number.isFinite(speed) ? String(speed) : 'max');
export const speedFrom = (key) => (key === 'max' ? Infinity : Number(key));

const byId = (id) => document.getElementById(id);

export class PanelView {
  #score = byId('score');
  #reward = new RewardView(byId('score-addition'));
  #maxTile = byId('max-tile');
  #move = byId('move');
  #ply = byId('ply');
  #slider = byId('slider');
  #speed = byId('speed');
  #play = byId('play');
  #playBack = byId('play-back');
  #thoughts;

  /** Write what stays the same for the whole game. */
  constructor(game) {
    this.#thoughts = new ThoughtsView(game);
    const length = formatNumber(game.length);
    this.#slider.max = game.length;
    byId('length').textContent = length;
    byId('agent').textContent = game.agent || 'Unknown player';
    byId('about').textContent = [
      `${formatNumber(game.scores[game.length])} points`,
      `${length} moves`,
      game.seed === null ? '' : `seed ${game.seed}`,
      game.setUp ? 'set-up board' : '',
      formatDate(game.createdAt),
    ].filter(Boolean).map((part) => part.replaceAll(' ', '\u00a0')).join(' · ');
    this.#speed.replaceChildren(...SPEEDS.map((speed) => {
      const key = speedKey(speed);
      return new Option(Number.isFinite(speed) ? `${key}×` : key, key);
    }));
  }

  /** Show a position and the player's state. */
  show(position, player) {
    this.#score.textContent = formatNumber(position.score);
    this.#maxTile.textContent = position.maxTile;
    this.#move.textContent = position.action === null
      ? 'Start'
      : `${ACTION_ARROWS[position.action]} ${ACTION_NAMES[position.action]}`;
    this.#slider.value = position.ply;
    this.#slider.setAttribute('aria-valuetext', `Ply ${position.ply} of ${player.length}`);
    if (document.activeElement !== this.#ply) this.#ply.value = position.ply;
    this.#speed.value = speedKey(player.speed);
    this.#showButtons(player);
    this.#thoughts.show(position);
  }

  /** Let "+N" float off the score. */
  floatReward(reward) {
    this.#reward.float(reward);
  }

  dropReward() {
    this.#reward.drop();
  }

  #showButtons({ ply, length, playing, direction }) {
    this.#showPlaying(this.#play, playing && direction > 0, 'Play');
    this.#showPlaying(this.#playBack, playing && direction < 0, 'Play backward');
    // aria-disabled and not disabled: a button keeps its focus at the end of the game.
    for (const id of ['first', 'back10', 'back']) byId(id).setAttribute('aria-disabled', String(ply === 0));
    for (const id of ['forward', 'forward10', 'last']) byId(id).setAttribute('aria-disabled', String(ply === length));
  }

  #showPlaying(button, active, name) {
    button.classList.toggle('playing', active);
    button.setAttribute('aria-label', active ? 'Pause' : name);
    button.title = active ? 'Pause' : name;
  }
}
