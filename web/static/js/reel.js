/**
 * A reel of frames that arrive one after the other, and are shown one after the other, at a pace of their own.
 *
 * It plays by itself as frames come, stops at the end, and can be stopped and turned to any frame.
 */

import { browserClock } from './clock.js';

/**
 * @param {object} options
 * @param {(state: {frame: object, index: number, length: number, playing: boolean}) => void} options.onChange called
 *   with what is to be shown
 * @param {number} [options.pace] ms a frame
 * @param {boolean} [options.still] show the newest frame as it comes, and play only when asked to
 * @param {{later: Function, cancel: Function}} [options.clock]
 */
export function createReel({ onChange, pace = 120, still = false, clock = browserClock }) {
  let frames = [];
  let index = 0;
  let playing = !still;
  let following = still; // the newest frame is shown
  let complete = false;
  let timer = null;

  function tell() {
    if (frames.length > 0) onChange({ frame: frames[index], index, length: frames.length, playing });
  }

  function stop() {
    clock.cancel(timer);
    timer = null;
  }

  /** Go on to the next frame in a while, if there is one or one is to be expected. */
  function wait() {
    if (!playing || timer !== null || index >= frames.length - 1) return;
    timer = clock.later(() => {
      timer = null;
      index += 1;
      if (complete && index === frames.length - 1) playing = false;
      tell();
      wait();
    }, pace);
  }

  return {
    /** Begin anew, without frames. */
    clear() {
      stop();
      frames = [];
      index = 0;
      playing = !still;
      following = still;
      complete = false;
    },
    push(frame) {
      frames.push(frame);
      if (following) index = frames.length - 1;
      tell();
      wait();
    },
    /** No more frames will come. */
    end() {
      complete = true;
      if (playing && index >= frames.length - 1) playing = false;
      tell();
    },
    play() {
      if (frames.length === 0) return;
      following = false;
      if (complete && index === frames.length - 1) index = 0;
      playing = true;
      tell();
      wait();
    },
    pause() {
      stop();
      playing = false;
      following = false;
      tell();
    },
    seek(to) {
      stop();
      playing = false;
      following = false;
      index = Math.min(Math.max(to, 0), Math.max(frames.length - 1, 0));
      tell();
    },
    get frames() {
      return frames;
    },
    get playing() {
      return playing;
    },
  };
}
