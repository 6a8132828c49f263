/**
 * What all lessons share: a form of settings, a stream of frames from the server, and a reel that shows them.
 *
 * The settings stay in the address, so that what is seen can be shown to others.
 */

import { openEvents } from './events.js';
import { anySeed, fill, queryOf } from './form-query.js';
import { createReel } from './reel.js';
import { bindTheme } from './theme.js';

const byId = (id) => document.getElementById(id);
const root = document.documentElement;

/**
 * @param {object} lesson
 * @param {string} lesson.path of the stream
 * @param {(start: object) => Promise<object>} [lesson.begin] makes of the first event what `read` and `draw` need
 * @param {(frame: object, start: object) => Promise<object>} [lesson.read] unpacks a frame
 * @param {(frame: object, start: object, reel: {frames: object[], index: number}) => void} lesson.draw
 * @param {(frame: object, start: object) => string} lesson.describe what a frame shows, in words
 * @param {number} [lesson.pace] ms a frame
 * @returns {{redraw: () => void, restart: () => void}}
 */
export function runLesson({ path, begin = async (start) => start, read = async (frame) => frame, draw, describe, pace }) {
  const form = byId('settings');
  const slider = byId('frame');
  const button = byId('play');
  let stream = null;
  let start = null;
  let shown = null;
  let run = 0;

  const reel = createReel({
    pace,
    still: matchMedia('(prefers-reduced-motion: reduce)').matches,
    onChange: (state) => {
      shown = state;
      slider.max = state.length - 1;
      slider.value = state.index;
      const text = describe(state.frame, start);
      slider.setAttribute('aria-valuetext', text);
      byId('reading').textContent = text;
      button.classList.toggle('playing', state.playing);
      button.setAttribute('aria-label', state.playing ? 'Pause' : 'Play');
      redraw();
    },
  });

  function redraw() {
    if (shown) draw(shown.frame, start, { frames: reel.frames, index: shown.index });
  }

  function fail(error) {
    byId('error-title').textContent = error.title ?? 'Something went wrong.';
    byId('error-detail').textContent = error.detail ?? error.message ?? '';
    byId('error').hidden = false;
    if (reel.frames.length === 0) byId('reading').textContent = '';
    finish('');
  }

  /** No more will come; `told` is for those who do not see it. */
  function finish(told) {
    reel.end();
    byId('told').textContent = told;
    byId('stage').setAttribute('aria-busy', 'false');
    root.dataset.ready = '1';
  }

  /** Events one after the other: unpacking takes a moment. */
  function listener(number) {
    let queue = Promise.resolve();
    const take = async ({ name, id, data }) => {
      if (number !== run) return;
      if (name === 'start') {
        start = await begin(data);
      } else if (name === 'frame') {
        if (Number(id) <= reel.frames.length) return; // told again after a broken connection
        const frame = await read(data, start);
        if (number === run) reel.push(frame);
      } else if (name === 'problem') {
        fail(data);
      } else if (name === 'end') {
        finish(`Learned. Last ${describe(reel.frames.at(-1), start)}`);
      }
    };
    return {
      onEvent: (event) => { queue = queue.then(() => take(event)).catch(fail); },
      onEnd: (error) => { queue = queue.then(() => { if (number === run) endWith(error); }); },
    };
  }

  /** The stream is over: as it should be, or not. */
  function endWith(error) {
    const isWhole = byId('stage').getAttribute('aria-busy') === 'false';
    if (error || !isWhole) fail(error ?? { title: 'The lesson broke off.', detail: 'Try again soon.' });
  }

  function restart() {
    stream?.close();
    run += 1;
    shown = null;
    reel.clear();
    byId('error').hidden = true;
    byId('told').textContent = '';
    byId('reading').textContent = 'Preparing…';
    byId('stage').setAttribute('aria-busy', 'true');
    const query = queryOf(form);
    history.replaceState(null, '', `#${query}`);
    stream = openEvents(`${path}?${query}`, listener(run));
  }

  button.addEventListener('click', () => (reel.playing ? reel.pause() : reel.play()));
  slider.addEventListener('input', () => reel.seek(slider.valueAsNumber));
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', () => { if (form.reportValidity()) restart(); });
  byId('again').addEventListener('click', () => {
    form.elements.seed.value = anySeed();
    restart();
  });
  window.addEventListener('hashchange', () => {
    fill(form, new URLSearchParams(location.hash.slice(1)));
    restart();
  });
  bindTheme(byId('theme'));
  fill(form, new URLSearchParams(location.hash.slice(1)));
  restart();
  return { redraw, restart };
}
