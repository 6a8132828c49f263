/** Choose a player and how far it looks ahead. */

import { fetchPlayers } from './api.js';
import { load, save } from './settings.js';

/** What to call a player at a depth: "teacher: n-tuple network, depth 2". */
export function titleOf({ title, min_depth: lowest, max_depth: highest }, depth) {
  return highest > lowest ? `${title}, depth ${depth}` : title;
}

/** The words of a depth in the list. */
function depthLabel(depth) {
  if (depth === 0) return 'at first sight';
  return depth === 1 ? '1 move ahead' : `${depth} moves ahead`;
}

/** The player that is wished for, else the one of the last visit, else the best. */
export function choosePlayer(players, ...names) {
  const wished = names.find((name) => players.some((player) => player.name === name));
  return players.find(({ name }) => name === wished) ?? players[0] ?? null;
}

/** The wished depth where the player has it, else its own. */
export function chooseDepth({ min_depth: lowest, max_depth: highest }, wished) {
  return Number.isInteger(wished) && wished >= lowest && wished <= highest ? wished : lowest;
}

export class PlayerPicker {
  #players = [];
  #player = document.getElementById('player');
  #depth = document.getElementById('depth');
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Load the players, and choose one. */
  async load({ player = null, depth = null } = {}) {
    ({ players: this.#players } = await fetchPlayers());
    this.#player.replaceChildren(...this.#players.map(({ name, title }) => new Option(title, name)));
    const chosen = choosePlayer(this.#players, player, load('player', null));
    this.#player.value = chosen.name;
    this.#showDepths(chosen, depth ?? Number(load('depth', NaN)));
    this.#player.addEventListener('change', () => {
      this.#showDepths(this.#chosen, Number(this.#depth.value));
      this.#changed();
    });
    this.#depth.addEventListener('change', () => this.#changed());
  }

  /** Who is chosen: `{name, depth, title, network}`; `network` is the version of the one for pages, or null. */
  get value() {
    const depth = Number(this.#depth.value);
    const { name, page_network: network } = this.#chosen;
    return { name, depth, title: titleOf(this.#chosen, depth), network };
  }

  get #chosen() {
    return choosePlayer(this.#players, this.#player.value);
  }

  #showDepths(player, wished) {
    const { min_depth: lowest, max_depth: highest } = player;
    const depths = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
    this.#depth.replaceChildren(...depths.map((depth) => new Option(depthLabel(depth), depth)));
    this.#depth.value = chooseDepth(player, wished);
    this.#depth.disabled = depths.length === 1;
  }

  #changed() {
    save('player', this.#player.value);
    save('depth', this.#depth.value);
    this.#onChange();
  }
}
