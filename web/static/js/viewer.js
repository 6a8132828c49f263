/**
 * The viewer: turns commands and time into player states, and draws them.
 *
 * `<html data-settled>` is the ply that the page shows, absent while a move
 * is under way.
 */

import * as player from './player.js';
import { positionAt } from './record.js';
import { PLAY_INTERVAL, STEP_INTERVAL } from './url.js';
import { describe } from './words.js';

/** Moves that last less than a frame are not animated, in ms. */
const FRAME_MS = 16;

/** The longest time that one frame stands for, in ms: a hidden page does not play on. */
const LONGEST_FRAME_MS = 100;

const COMMANDS = {
  first: (state) => player.seek(state, 0),
  back10: (state) => player.seek(state, state.ply - 10),
  back: (state) => player.seek(state, state.ply - 1),
  forward: (state) => player.seek(state, state.ply + 1),
  forward10: (state) => player.seek(state, state.ply + 10),
  last: (state) => player.seek(state, state.length),
  seek: (state, ply) => player.seek(state, ply),
  play: (state) => player.toggle(state, 1),
  playBack: (state) => player.toggle(state, -1),
  toggle: (state) => player.toggle(state),
  toggleBack: (state) => player.toggle(state, -1),
  faster: (state) => player.changeSpeed(state, 1),
  slower: (state) => player.changeSpeed(state, -1),
  speed: (state, speed) => player.setSpeed(state, speed),
};

const ANIMATED = new Set(['back', 'forward']);

export class Viewer {
  #game;
  #views;
  #positionAt;
  #describe;
  #state;
  #shown;
  #lastTime = null;
  #frameRequest = 0;
  #root = document.documentElement;
  #stillness = matchMedia('(prefers-reduced-motion: reduce)');

  /**
   * @param {object} game a decoded record
   * @param {object} state a player state
   * @param {object} views `board`, `panel`, `writePly`, `announce`; and, where what is shown is more than one game,
   *   `positionAt(ply)` and `describe(position, length)`
   */
  constructor(game, state, views) {
    this.#game = game;
    this.#state = state;
    this.#views = views;
    this.#positionAt = views.positionAt ?? ((ply) => positionAt(game, ply));
    this.#describe = views.describe ?? describe;
    this.#shown = this.#positionAt(state.ply);
    this.#jump(this.#shown);
    views.panel.show(this.#shown, state);
    this.#tell();
  }

  get state() {
    return this.#state;
  }

  /** Take in that the game has grown or shrunk; `open` is whether more may come. */
  resize(open = this.#state.open) {
    this.#state = player.resize(this.#state, this.#game.length, open);
    this.#draw(0);
  }

  /** Carry out a command by name; what it does not know is for others. */
  run(command, argument) {
    if (!Object.hasOwn(COMMANDS, command)) return;
    const was = this.#state;
    this.#state = COMMANDS[command](was, argument);
    this.#draw(ANIMATED.has(command) ? 1 : 0);
    if (this.#state.playing && !was.playing) this.#startClock();
  }

  #startClock() {
    cancelAnimationFrame(this.#frameRequest); // of a play that was paused within this frame
    this.#lastTime = null;
    this.#frameRequest = requestAnimationFrame((time) => this.#frame(time));
  }

  #frame(time) {
    if (!this.#state.playing) return;
    const elapsed = Math.min(time - (this.#lastTime ?? time), LONGEST_FRAME_MS);
    this.#lastTime = time;
    const period = player.msPerPly(this.#state);
    const was = this.#state;
    this.#state = player.advance(was, elapsed);
    if (this.#state.ply !== was.ply || !this.#state.playing) {
      this.#draw(period < FRAME_MS ? 0 : Math.min(1, period / player.MOVE_MS));
    }
    this.#frameRequest = requestAnimationFrame((next) => this.#frame(next));
  }

  /** Show the present state; `pace` 0 jumps, any other animates the last move at that pace. */
  #draw(pace) {
    const before = this.#shown;
    const after = this.#positionAt(this.#state.ply);
    this.#shown = after;
    if (after.ply !== before.ply) {
      if (pace > 0 && !this.#stillness.matches) this.#move(before, after, pace);
      else this.#jump(after);
    }
    this.#views.panel.show(after, this.#state);
    this.#tell();
  }

  #jump(position) {
    this.#views.board.show(position);
    this.#views.panel.dropReward();
    this.#root.dataset.settled = position.ply;
  }

  #move(before, after, pace) {
    const { board, panel } = this.#views;
    const step = Math.sign(after.ply - before.ply);
    if (after.ply - before.ply !== step) { // some plies were skipped: animate the last
      before = this.#positionAt(after.ply - step);
      board.show(before);
    }
    delete this.#root.dataset.settled;
    panel.floatReward(step > 0 ? after.reward : 0);
    const done = step > 0 ? board.forward(before, after, pace) : board.backward(after, before, pace);
    done.then((undisturbed) => {
      if (undisturbed) this.#root.dataset.settled = after.ply;
    });
  }

  /** Bring the address up to date, and the words for screen readers when at rest. */
  #tell() {
    const { ply, playing, length } = this.#state;
    this.#views.writePly(ply, playing ? PLAY_INTERVAL : STEP_INTERVAL);
    this.#views.announce(playing ? null : this.#describe(this.#shown, length));
  }
}
