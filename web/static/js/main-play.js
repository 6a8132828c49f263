/** The page on which one plays oneself, with advice, and lets a player of the server go on. */

import { createAdvisor } from './advisor.js';
import { createAnnouncer } from './announcer.js';
import { fetchGame } from './api.js';
import { BoardView } from './board-view.js';
import { GamePanelView, showStatus } from './game-panel-view.js';
import { GrowingGame } from './growing.js';
import { keyIsTaken } from './keyboard.js';
import { LiveTable } from './live-table.js';
import { OpinionView } from './opinion-view.js';
import { wishOf } from './play-keys.js';
import { PlayerPicker } from './player-picker.js';
import { randomSeed } from './random.js';
import { decode } from './record.js';
import { bindSave } from './save-game.js';
import { SetUpView } from './set-up-view.js';
import { load, save } from './settings.js';
import { speedFrom, showSpeeds } from './speeds.js';
import { bindSwipe } from './swipe.js';
import { addressOf, gameFrom, keep, keptBy, latest, wishFrom } from './table.js';
import { bindTheme } from './theme.js';
import { countMoves, formatNumber } from './words.js';

const BY_HAND = 'by hand';

const byId = (id) => document.getElementById(id);
const speed = () => speedFrom(byId('speed').value);

let hints = load('hints', 'off') === 'on';

const picker = new PlayerPicker(() => {
  const { playing } = table;
  takeOver();
  if (playing) table.run('play');
});
const opinions = new OpinionView();
const advise = createAdvisor();

const table = new LiveTable({
  page: 'play',
  views: {
    board: new BoardView(byId('board')),
    panel: new GamePanelView(showMore),
    announce: createAnnouncer(byId('board-text')),
  },
  player: () => picker.value,
  more: () => ({}),
  tell,
});

// --- what the page shows ---

/** What changes with every position, besides the board. */
function showMore(position, state) {
  const agent = byId('agent');
  agent.textContent = state.playing ? 'I go on' : 'Let it play';
  agent.classList.toggle('playing', state.playing);
  agent.disabled = position.over;
  byId('undo').disabled = position.ply === 0;
  byId('opinion').hidden = !hints;
  opinions.show(hints ? table.game.opinions[position.ply] ?? null : null);
  byId('watch').href = `/watch${addressOf(table.game, position.ply, { player: picker.value.name, depth: picker.value.depth })}`;
  if (position.over) {
    showStatus(`Game over: ${formatNumber(position.score)} points after ${countMoves(position.ply)}.`);
  }
}

function tell(what, detail) {
  if (what === 'problem') showStatus(detail.message ?? `${detail.title} ${detail.detail}`, true);
  else if (what === 'rest') consult();
  else if (table.game.over) return;
  else if (what === 'waiting') showStatus(`${picker.value.name} thinks…`);
  else showStatus(what === 'playing' ? `${picker.value.name} plays.` : 'Your move.');
}

/** Ask for advice on the position that is looked at. */
async function consult() {
  const { game, ply } = table;
  if (!hints || game.over || table.playing) return;
  try {
    const opinion = await advise(game.board, picker.value);
    if (opinion === null || table.game !== game || table.ply !== ply || !hints) return;
    opinions.show(opinion);
    byId('board-text').append(` ${opinions.inWords(opinion)}`);
  } catch (error) {
    showStatus(error.message, true);
  }
}

function showHints(on) {
  hints = on;
  save('hints', on ? 'on' : 'off');
  byId('hint').setAttribute('aria-pressed', String(on));
  table.resize();
}

// --- what one can do ---

/** Stop the player of the server; what it was about to do is forgotten. */
function takeOver() {
  table.pause();
  table.truncate(table.ply);
}

function begin(game) {
  table.open(game, speed());
  if (!game.over) showStatus('Your move.');
}

const COMMANDS = {
  undo: () => {
    table.undo();
    if (!table.game.over) showStatus('Your move.');
  },
  hint: () => showHints(!hints),
  agent: () => {
    if (table.playing) takeOver();
    else if (!table.game.over) table.run('play');
  },
  new: () => {
    takeOver();
    byId('new-seed').value = randomSeed();
    byId('new').showModal();
    byId('new-seed').select();
  },
  setUp: () => {
    takeOver();
    setUp.open(table.game.board);
  },
  help: () => byId('help').showModal(),
};

const setUp = new SetUpView((board, ask) => {
  begin(new GrowingGame({ seed: randomSeed(), start: board }));
  if (ask) showHints(true);
});

const move = (action) => table.play(action, BY_HAND);

function bindControls() {
  const buttons = {
    undo: 'undo', hint: 'hint', agent: 'agent', 'new-open': 'new', 'set-up-open': 'setUp', 'help-open': 'help',
  };
  for (const [id, command] of Object.entries(buttons)) byId(id).addEventListener('click', COMMANDS[command]);
  byId('new').addEventListener('close', ({ target }) => {
    if (target.returnValue === 'start') begin(new GrowingGame({ seed: Number(byId('new-seed').value) }));
    target.returnValue = '';
  });
  byId('speed').addEventListener('change', ({ target }) => {
    save('speed', target.value);
    table.run('speed', speed());
  });
  byId('watch').addEventListener('click', () => keep(table.game, 'watch'));
  bindSwipe(byId('board'), move);
  document.addEventListener('keydown', (event) => {
    const wish = wishOf(event);
    if (wish === null || event.defaultPrevented || keyIsTaken(event)) return;
    event.preventDefault();
    if ('move' in wish) move(wish.move);
    else COMMANDS[wish.command]();
  });
}

// --- the game to begin with ---

/** What the address asks for, else the game of this visit, else a new one. */
async function firstGame() {
  const wish = wishFrom(location.search);
  if (wish.game !== null) {
    const record = decode(await fetchGame(wish.game));
    return GrowingGame.from(record, Math.min(wish.ply, record.length));
  }
  if (wish.position !== null) return new GrowingGame({ seed: wish.seed ?? randomSeed(), start: wish.position });
  if (wish.seed !== null) return gameFrom(wish, keptBy('play')) ?? new GrowingGame({ seed: wish.seed });
  return latest(keptBy('play')) ?? new GrowingGame({ seed: randomSeed() });
}

function showError(error) {
  byId('viewer').hidden = true;
  byId('error-title').textContent = error.status === 404 ? 'There is no such game.' : 'This game cannot be played on.';
  byId('error-detail').textContent = error.message;
  byId('error').hidden = false;
}

async function main() {
  bindTheme(byId('theme'));
  showSpeeds(byId('speed'));
  try {
    await picker.load();
    begin(await firstGame());
    showHints(hints);
    bindControls();
    bindSave(() => table.game, () => table.ply, showStatus);
  } catch (error) {
    showError(error);
  }
  byId('viewer').removeAttribute('aria-busy');
  document.documentElement.dataset.ready = '1';
}

main();
