/**
 * A player on the server that plays on in a growing game.
 *
 * Moves come as they are made, somewhat faster than they are shown, so that play is smooth; when there are more than
 * enough, the stream is closed until they have been seen. So the server works for nobody who does not look.
 */

import { openEvents } from './events.js';

const SMOOTH_MS = 3000; // play that should lie ready
const LEAST_AHEAD = 4; // plies
const MOST_AHEAD = 4096;
const HASTE = 0.8; // ms that the server takes for a move, of the ms that it is shown

/** Plies that should lie ready when each is shown for so many ms. */
export const pliesAhead = (msPerPly) =>
  Math.min(Math.max(Math.ceil(SMOOTH_MS / msPerPly), LEAST_AHEAD), MOST_AHEAD);

export class LiveSource {
  #game;
  #views;
  #open;
  #stream = null;
  #job = null;
  #unit = 'points';
  #shown = 0; // the ply that was shown last
  #fruitful = false; // whether this stream has brought moves

  /**
   * @param {GrowingGame} game
   * @param {object} views `onGrow()` when plies have come, `onOver()` at the end of the game, `onProblem(error)`
   *   when the server cannot go on, `onStart({title, depth})` when a player sits down
   */
  constructor(game, views, open = openEvents) {
    this.#game = game;
    this.#views = views;
    this.#open = open;
  }

  /** Whether the player is to play. */
  get running() {
    return this.#job !== null;
  }

  /** Whether the server is being asked at the moment. */
  get asking() {
    return this.#stream !== null;
  }

  /**
   * Let a player play, each move shown for so many ms; the same wish again changes nothing.
   *
   * @param {{player: string, depth: number | null, title: string}} player
   * @param {number} shown the ply that is shown
   */
  start(player, msPerPly, shown) {
    const pace = Number.isFinite(msPerPly) ? Math.min(Math.floor(msPerPly * HASTE), 10_000) : 0;
    const { name, depth, title } = player;
    const same = this.#job?.pace === pace && this.#job.name === name && this.#job.depth === depth;
    if (!same) this.stop();
    this.#job = { name, depth, title, pace, ahead: pliesAhead(msPerPly) };
    this.pump(shown);
  }

  stop() {
    this.#stream?.close();
    this.#stream = null;
    this.#job = null;
  }

  /** Open or close the stream by how many plies lie ready. */
  pump(shown) {
    this.#shown = shown;
    if (this.#job === null || this.#game.over) return;
    const ready = this.#game.length - shown;
    if (this.#stream === null && ready < this.#job.ahead) this.#begin();
    else if (this.#stream !== null && ready >= 2 * this.#job.ahead) {
      this.#stream.close();
      this.#stream = null;
    }
  }

  #begin() {
    this.#fruitful = false;
    const { name, depth, pace } = this.#job;
    const game = this.#game;
    const query = new URLSearchParams({ player: name, seed: game.seed, at: game.stateAt(game.length), pace });
    if (depth !== null) query.set('depth', depth);
    this.#stream = this.#open(`/api/live?${query}`, {
      onEvent: (event) => this.#take(event),
      onEnd: (error) => this.#end(error),
    });
  }

  #take({ name, data }) {
    if (name === 'start') {
      this.#unit = data.unit;
      this.#views.onStart(data);
    } else if (name === 'moves') this.#grow(data);
    else if (name === 'problem') this.#end(data);
  }

  #grow({ plies, values = [] }) {
    const { title } = this.#job;
    this.#fruitful = true;
    values.forEach((four, i) => {
      this.#game.opinions[this.#game.length + i] = { values: four, unit: this.#unit, who: title };
    });
    this.#game.append(plies, title);
    this.#views.onGrow();
  }

  #end(problem) {
    this.#stream?.close();
    this.#stream = null;
    if (problem) {
      this.#job = null;
      this.#views.onProblem(problem);
    } else if (this.#game.over) {
      this.#job = null;
      this.#views.onOver();
    } else if (this.#fruitful) this.pump(this.#shown); // a server that stops ends its streams where they are
    else this.#end({ title: 'The game stopped.', detail: 'The server sends no moves.' });
  }
}
