/** The page on which two games are compared: one clock, two boards. */

import { createAnnouncer } from './announcer.js';
import { fetchGame } from './api.js';
import { comparisonFrom, createClock } from './compare.js';
import { bindControls } from './controls.js';
import { fetchGames } from './games-api.js';
import { bindKeyboard } from './keyboard.js';
import { createPlayer } from './player.js';
import { decode, positionAt } from './record.js';
import { SidesView } from './sides-view.js';
import { speedFrom, showSpeeds } from './speeds.js';
import { bindTheme } from './theme.js';
import { TransportView } from './transport-view.js';
import { createPlyWriter, plyFrom, writeAddress } from './url.js';
import { Viewer } from './viewer.js';
import { describe, formatNumber } from './words.js';

const byId = (id) => document.getElementById(id);

/** The two games at a tick, as the viewer takes a position. */
function sidesAt(games, clock, tick) {
  return { ply: tick, reward: 0, sides: games.map((game, side) => positionAt(game, clock.plyAt(side, tick))) };
}

/** Both games in words. */
function describeSides({ sides }, games) {
  return sides.map((position, side) => `${['Left', 'Right'][side]}: ${describe(position, games[side].length)}`).join(' ');
}

class Comparison {
  #games;
  #by;
  #clock;
  #viewer = null;
  #view = new SidesView();
  #transport = new TransportView();
  #announce = createAnnouncer(byId('board-text'));
  #write = createPlyWriter(writeAddress);

  constructor(games, by, hash) {
    this.#games = games;
    byId('viewer').hidden = false;
    this.setClock(by, (clock) => plyFrom(hash, clock.length));
  }

  get length() {
    return this.#clock.length;
  }

  run(command, argument) {
    this.#viewer.run(command, argument);
  }

  /** Let the games go by another clock; the left one stays where it is. */
  changeClock(by) {
    const ply = this.#clock.plyAt(0, this.#viewer.state.ply);
    this.run('seek', this.#viewer.state.ply); // pauses
    this.setClock(by, (clock) => clock.tickAt(0, ply));
  }

  setClock(by, tickOn) {
    const clock = createClock(this.#games, by);
    this.#by = by;
    this.#clock = clock;
    byId('by').value = by;
    byId('ply-label').firstChild.textContent = by === 'ply' ? 'Move ' : 'Step ';
    this.#view.setUp(this.#games, clock);
    const speed = speedFrom(byId('speed').value);
    this.#viewer = new Viewer({ length: clock.length }, createPlayer(clock.length, tickOn(clock), speed), {
      board: this.#view,
      panel: {
        show: (position, state) => {
          this.#view.showFacts(position);
          this.#transport.show(position, state);
        },
        floatReward: () => {},
        dropReward: () => {},
      },
      writePly: (tick, interval) => this.#write(this.#address(tick), interval),
      announce: this.#announce,
      positionAt: (tick) => sidesAt(this.#games, clock, tick),
      describe: (position) => describeSides(position, this.#games),
    });
  }

  #address(tick) {
    const [left, right] = this.#games.map(({ id }) => id);
    return `?${new URLSearchParams({ left, right, by: this.#by })}#${tick}`;
  }
}

// --- choosing games ---

const label = ({ score, max_tile: tile, agent }) => `${formatNumber(score)} · ${tile} · ${agent}`;

/** Offer the best games of the library, and those that the address names. */
async function offerGames(ids) {
  const { games } = await fetchGames('limit=50');
  ['left', 'right'].forEach((side, i) => {
    const select = byId(`${side}-pick`);
    select.append(...games.map((game) => new Option(label(game), game.id)));
    if (ids[i] && !games.some(({ id }) => id === ids[i])) select.prepend(new Option(`The game ${ids[i]}`, ids[i]));
    select.value = ids[i] ?? games[i]?.id ?? '';
  });
}

function showError(error) {
  byId('error-title').textContent = error.status === 404 ? 'There is no such game.' : 'These games cannot be shown.';
  byId('error-detail').textContent = error.message;
  byId('error').hidden = false;
}

async function open({ ids, by }) {
  const games = (await Promise.all(ids.map(fetchGame))).map(decode);
  const comparison = new Comparison(games, by, location.hash);
  const run = (command, argument) => {
    if (command === 'help') byId('help').showModal();
    else comparison.run(command, argument);
  };
  bindControls(run, () => comparison.length);
  bindKeyboard(run);
  byId('by').addEventListener('change', ({ target }) => comparison.changeClock(target.value));
  window.addEventListener('hashchange', () => run('seek', plyFrom(location.hash, comparison.length)));
}

async function main() {
  bindTheme(byId('theme'));
  byId('help-open').addEventListener('click', () => byId('help').showModal());
  showSpeeds(byId('speed'));
  const wish = comparisonFrom(location.search);
  try {
    if (wish.ids.every(Boolean)) await open(wish);
  } catch (error) {
    showError(error);
  }
  await offerGames(wish.ids).catch(showError);
  document.documentElement.dataset.ready = '1';
}

main();
