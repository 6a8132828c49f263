/** The page of one game: fetch it, decode it, and put the viewer together. */

import { createAnnouncer } from './announcer.js';
import { fetchGame } from './api.js';
import { BoardView } from './board-view.js';
import { bindControls } from './controls.js';
import { ExportDialog } from './export-dialog.js';
import { aroundPly } from './exports.js';
import { Followers } from './followers.js';
import { JudgeView } from './judge-view.js';
import { createJudge } from './judge.js';
import { bindKeyboard } from './keyboard.js';
import { PanelView } from './panel-view.js';
import { createPlayer } from './player.js';
import { decode } from './record.js';
import { LEFT, RIGHT } from './rules.js';
import { save } from './settings.js';
import { savedSpeed } from './speeds.js';
import { bindSwipe } from './swipe.js';
import { bindTheme } from './theme.js';
import { asksToPlay, createPlyWriter, gameIdFrom, plyFrom, writeHash } from './url.js';
import { Viewer } from './viewer.js';
import { countMoves, formatNumber } from './words.js';

const BUTTONS = { milestone: 'milestone', mistake: 'mistake', 'mistake-back': 'mistakeBack' };
const SWIPES = { [RIGHT]: 'back', [LEFT]: 'forward' };

const byId = (id) => document.getElementById(id);
const nameOf = ({ agent }) => agent || 'Unknown player';

function openViewer(game) {
  const playAtOnce = asksToPlay(location.search) && !matchMedia('(prefers-reduced-motion: reduce)').matches;
  const state = createPlayer(game.length, plyFrom(location.hash, game.length), savedSpeed());
  const followers = new Followers(game, (ply) => run('seek', ply));
  const panel = new PanelView(game);
  const announce = createAnnouncer(byId('board-text'));
  const viewer = new Viewer(game, state, {
    board: new BoardView(byId('board')),
    panel: {
      show(position, player) {
        panel.show(position, player);
        followers.show(position);
      },
      floatReward: (reward) => panel.floatReward(reward),
      dropReward: () => panel.dropReward(),
    },
    writePly: createPlyWriter(writeHash),
    announce: (text) => announce(text && `${text} ${followers.inWords()}`.trimEnd()),
  });

  function run(command, argument) {
    if (command === 'help') byId('help').showModal();
    else if (command === 'arrows') byId('show-arrows').click();
    else if (followers.target(command) !== null) viewer.run('seek', followers.target(command));
    else viewer.run(command, argument);
  }

  bindControls(run, () => game.length);
  bindKeyboard(run);
  for (const [id, command] of Object.entries(BUTTONS)) byId(id).addEventListener('click', () => run(command));
  byId('show-arrows').addEventListener('change', ({ target }) => {
    save('arrows', target.checked ? 'on' : 'off');
    followers.refresh();
  });
  bindSwipe(byId('board'), (direction) => run(SWIPES[direction]));
  window.addEventListener('hashchange', () => run('seek', plyFrom(location.hash, game.length)));
  if (playAtOnce) run('play');
  openJudge(game, followers);
}

function openJudge(game, followers) {
  const view = new JudgeView({
    onStart: (player, depth) => judge.start(player, depth),
    onStop: () => judge.stop(),
  });
  const judge = createJudge(game, view, (analysis) => followers.showAnalysis(analysis));
  judge.open();
}

/** Offer the game as a file, and the moves that led to the ply that is shown as a picture. */
function bindDownload(game) {
  const dialog = new ExportDialog();
  const words = `${formatNumber(game.scores[game.length])} points by ${nameOf(game)}, ${countMoves(game.length)}`;
  byId('download').addEventListener('click', () => {
    const range = aroundPly(Number(byId('slider').value), game.length);
    dialog.open({ id: game.id, length: game.length, words }, range);
  });
}

function showError(error) {
  byId('viewer').hidden = true;
  byId('error-title').textContent = error.status === 404
    ? 'There is no such game.'
    : error.title ?? 'This game cannot be shown.';
  byId('error-detail').textContent = error.detail ?? error.message;
  byId('error').hidden = false;
}

async function main() {
  bindTheme(byId('theme'));
  byId('help-open').addEventListener('click', () => byId('help').showModal());
  try {
    const id = gameIdFrom(location.pathname);
    const game = decode(await fetchGame(id));
    openViewer(game);
    byId('compare').href = `/compare?left=${id}`;
    bindDownload(game);
    document.title = `${formatNumber(game.scores[game.length])} points · ${nameOf(game)} · 2048 replays`;
  } catch (error) {
    showError(error);
  }
  byId('viewer').removeAttribute('aria-busy');
  document.documentElement.dataset.ready = '1';
}

main();
