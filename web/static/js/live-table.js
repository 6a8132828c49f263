/**
 * A table at which a player of the server can sit: a growing game, the viewer that shows it, and where moves come from.
 */

import { LiveSource } from './live-source.js';
import { createPlayer, msPerPly } from './player.js';
import { addressOf, keep } from './table.js';
import { createPlyWriter, writeAddress } from './url.js';
import { Viewer } from './viewer.js';

const REST_MS = 150; // after which a position counts as looked at
const STEP_MS = 100; // pace at which moves come that are asked for one by one
const STEP_STORE = 16; // moves of which one is shown and the others lie ready

export class LiveTable {
  game = null;
  #seen = 0; // the last ply that was shown
  #viewer = null;
  #source = null;
  #awaiting = false; // the next move is to be shown as soon as it comes
  #stepping = false; // moves are fetched for steps
  #waiting = false; // nothing is there to be shown
  #resting = null;
  #options;
  #writeAddress = createPlyWriter(writeAddress);

  /**
   * @param {object} options
   * @param {string} options.page 'play' or 'watch': where the game is kept
   * @param {object} options.views `board`, `panel` and `announce` of the viewer
   * @param {() => object} options.player who is to play: `{name, depth, title}`
   * @param {() => object} options.more further parameters of the address
   * @param {(what: string, detail?: any) => void} options.tell hears of `playing`, `paused`, `waiting`, `rest`,
   *   and `problem` with the error
   */
  constructor(options) {
    this.#options = options;
  }

  get ply() {
    return this.#viewer.state.ply;
  }

  get playing() {
    return this.#viewer.state.playing;
  }

  /** Sit down at another game. */
  open(game, speed) {
    this.pause();
    this.game = game;
    this.#seen = game.length;
    this.#source = new LiveSource(game, {
      onStart: () => {},
      onGrow: () => this.#grow(),
      onOver: () => this.resize(),
      onProblem: (error) => this.#fail(error),
    });
    const { board, panel, announce } = this.#options.views;
    this.#viewer = null; // while its successor shows itself for the first time
    this.#viewer = new Viewer(game, createPlayer(game.length, game.length, speed, !game.over), {
      board,
      announce,
      panel: {
        show: (position, state) => {
          panel.show(position, state);
          this.#shown(position.ply);
        },
        floatReward: (reward) => panel.floatReward(reward),
        dropReward: () => panel.dropReward(),
      },
      writePly: (ply, interval) => this.#writeAddress(addressOf(game, ply, this.#options.more()), interval),
    });
  }

  /** Carry out a command of the viewer; a step beyond the last move lets the player make one. */
  run(command, argument) {
    const wasPlaying = this.playing;
    const beyond = command === 'forward' && this.ply === this.game.length && !this.game.over;
    if (!beyond) this.#viewer.run(command, argument);
    else this.#step();
    this.#sync();
    if (wasPlaying !== this.playing) this.#options.tell(this.playing ? 'playing' : 'paused');
  }

  pause() {
    if (this.#viewer === null) return;
    this.#awaiting = this.#stepping = false;
    if (this.playing) this.run('seek', this.ply);
    this.#source.stop();
  }

  /** Forget moves that lie ready and have not been seen: others are to come. */
  drop() {
    this.game.truncate(this.#seen);
    this.resize();
    this.#sync();
  }

  /** Make a move by hand, or return false. */
  play(action, who) {
    this.pause();
    this.truncate(this.ply);
    if (!this.game.play(action, who)) return false;
    this.resize();
    this.run('forward');
    return true;
  }

  /** Take back the last move that is shown. */
  undo() {
    this.pause();
    if (this.ply === 0) return;
    this.run('back');
    this.truncate(this.ply);
  }

  /** Take back all moves after a ply. */
  truncate(length) {
    this.#seen = Math.min(this.#seen, length);
    this.game.truncate(length);
    this.resize();
  }

  /** Show that the game has grown or shrunk. */
  resize() {
    this.#viewer.resize(!this.game.over);
  }

  #step() {
    this.#viewer.run('seek', this.ply);
    this.#awaiting = this.#stepping = true;
    this.#source.start(this.#options.player(), STEP_MS, this.ply);
    this.#wait();
  }

  #wait() {
    this.#waiting = true;
    this.#options.tell('waiting');
  }

  /** Ask for moves while they are wanted, and only then. */
  #sync() {
    const { playing, direction } = this.#viewer.state;
    if (playing && direction > 0) {
      this.#awaiting = this.#stepping = false;
      this.#source.start(this.#options.player(), msPerPly(this.#viewer.state), this.ply);
      if (this.ply === this.game.length) this.#wait();
    } else if (!this.#stepping) this.#source.stop();
  }

  #grow() {
    this.resize();
    if (this.#awaiting && this.ply === this.#seen) this.#viewer.run('forward');
    this.#awaiting = false;
    if (this.#waiting) this.#options.tell(this.playing ? 'playing' : 'paused');
    this.#waiting = false;
    if (this.#stepping) {
      this.#stepping = !this.game.over && this.game.length - this.ply < STEP_STORE;
      if (!this.#stepping) this.#source.stop();
    }
    this.#source.pump(this.ply);
  }

  #fail(error) {
    this.#awaiting = this.#stepping = false;
    this.#viewer.run('seek', this.ply);
    this.#options.tell('problem', error);
  }

  #shown(ply) {
    this.#seen = Math.max(this.#seen, ply);
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#rest(), REST_MS);
    if (this.#viewer === null) return;
    this.#source.pump(ply);
  }

  #rest() {
    if (this.playing) return;
    keep(this.game, this.#options.page);
    this.#options.tell('rest');
  }
}
