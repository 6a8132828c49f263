/** The page on which a player of the server plays live. */

import { createAdvisor } from './advisor.js';
import { createAnnouncer } from './announcer.js';
import { BoardView } from './board-view.js';
import { bindControls } from './controls.js';
import { GamePanelView, showStatus } from './game-panel-view.js';
import { GrowingGame } from './growing.js';
import { bindKeyboard } from './keyboard.js';
import { LiveTable } from './live-table.js';
import { OpinionView } from './opinion-view.js';
import { PlayerPicker } from './player-picker.js';
import { randomSeed } from './random.js';
import { positionAt } from './record.js';
import { bindSave } from './save-game.js';
import { speedFrom, showSpeeds } from './speeds.js';
import { addressOf, gameFrom, keep, keptBy, wishFrom } from './table.js';
import { bindTheme } from './theme.js';
import { TransportView } from './transport-view.js';
import { countMoves } from './words.js';

const TOO_FAST = 'Pause, or play slower, to see what it thinks of its moves.';

const byId = (id) => document.getElementById(id);

const picker = new PlayerPicker(() => {
  table.drop();
  table.run('seek', table.ply);
  table.run('play');
});
const opinions = new OpinionView();
const transport = new TransportView();
const advise = createAdvisor();

const table = new LiveTable({
  page: 'watch',
  views: {
    board: new BoardView(byId('board')),
    panel: new GamePanelView(showMore),
    announce: createAnnouncer(byId('board-text')),
  },
  player: () => picker.value,
  more: () => ({ player: picker.value.name, depth: picker.value.depth }),
  tell,
});

/** What changes with every position, besides the board. */
function showMore(position, state) {
  transport.show(position, state);
  opinions.show(table.game.opinions[position.ply] ?? null, position.next, state.playing ? TOO_FAST : undefined);
  byId('go-on').href = `/play${addressOf(table.game, position.ply)}`;
  if (position.over) showStatus(`Game over after ${countMoves(position.ply)}.`);
}

function tell(what, detail) {
  const { name } = picker.value;
  if (what === 'problem') showStatus(detail.message ?? `${detail.title} ${detail.detail}`, true);
  else if (what === 'rest') rest();
  else if (table.game.over) return;
  else if (what === 'waiting') showStatus(`${name} thinks…`);
  else showStatus(what === 'playing' ? `${name} plays.` : 'Paused.');
}

/** Ask what the player thinks of a position that is looked at, where it has not said so while playing. */
async function rest() {
  const { game, ply } = table;
  if (game.opinions[ply] || (ply === game.length && game.over)) return;
  try {
    const opinion = await advise(game.boardAt(ply), picker.value);
    if (opinion === null || table.game !== game || table.ply !== ply) return;
    opinions.show(opinion, positionAt(game, ply).next);
    byId('board-text').append(` ${opinions.inWords(opinion)}`);
  } catch (error) {
    showStatus(error.message, true);
  }
}

const speed = () => speedFrom(byId('speed').value);

function begin(game) {
  byId('about').textContent = `Its moves come live from the server. Seed ${game.seed}.`;
  table.open(game, speed());
}

async function main() {
  bindTheme(byId('theme'));
  byId('help-open').addEventListener('click', () => byId('help').showModal());
  showSpeeds(byId('speed'));
  const query = new URLSearchParams(location.search);
  try {
    await picker.load({ player: query.get('player'), depth: query.has('depth') ? Number(query.get('depth')) : null });
    const wish = wishFrom(location.search);
    begin(gameFrom(wish, keptBy('watch')) ?? new GrowingGame({ seed: wish.seed ?? randomSeed() }));
    const run = (command, argument) => {
      if (command === 'help') byId('help').showModal();
      else table.run(command, argument);
    };
    bindControls(run, () => table.game.length);
    bindKeyboard(run);
    byId('new').addEventListener('click', () => {
      begin(new GrowingGame({ seed: randomSeed() }));
      table.run('play');
    });
    byId('go-on').addEventListener('click', () => keep(table.game, 'play'));
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches && !query.has('at')) table.run('play');
    else tell('paused');
    bindSave(() => table.game, () => table.ply, showStatus);
  } catch (error) {
    showStatus(error.message, true);
  }
  byId('viewer').removeAttribute('aria-busy');
  document.documentElement.dataset.ready = '1';
}

main();
