/** Write me a sentence: letters that condense out of noise on the server, shown as they come. */

import { openEvents } from './events.js';
import { anySeed, fill, queryOf } from './form-query.js';
import { fetchKinds } from './models-api.js';
import { createReel } from './reel.js';
import { SheetView, picture } from './sheet-view.js';
import { bindTheme } from './theme.js';

const PATH = '/api/sentences';
const PACE_MS = 50;
const FORMATS = ['gif', 'png', 'apng'];

const byId = (id) => document.getElementById(id);
const form = byId('settings');
const sheet = new SheetView(byId('sheet'));
let stream = null;
let run = 0;

const reel = createReel({
  pace: PACE_MS,
  still: matchMedia('(prefers-reduced-motion: reduce)').matches,
  onChange: ({ index, length, playing }) => {
    const slider = byId('frame');
    slider.max = length - 1;
    slider.value = index;
    slider.setAttribute('aria-valuetext', `picture ${index + 1} of ${length}`);
    byId('play').classList.toggle('playing', playing);
    byId('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    sheet.show(reel.frames, index);
  },
});

function fail({ title, detail, message }) {
  byId('error-title').textContent = title ?? 'Something went wrong.';
  byId('error-detail').textContent = detail ?? message ?? '';
  byId('error').hidden = false;
  if (reel.frames.length === 0) byId('result').hidden = true;
  finish('');
}

function finish(text) {
  reel.end();
  byId('result').setAttribute('aria-busy', 'false');
  byId('told').textContent = text && `Written: ${text}`;
  document.documentElement.dataset.ready = '1';
}

/** Events one after the other: reading a picture takes a moment. */
function listener(number, text) {
  let queue = Promise.resolve();
  const take = async ({ name, id, data }) => {
    if (number !== run) return;
    if (name === 'start' && reel.frames.length === 0) {
      sheet.begin(data);
    } else if (name === 'frame' && Number(id) > reel.frames.length) { // else told again after a broken connection
      const image = await picture(data.image);
      if (number === run) reel.push({ ...data, image });
    } else if (name === 'problem') {
      fail(data);
    } else if (name === 'end') {
      finish(text);
    }
  };
  return {
    onEvent: (event) => { queue = queue.then(() => take(event)).catch(fail); },
    onEnd: (error) => { queue = queue.then(() => { if (number === run) endWith(error); }); },
  };
}

/** The stream is over: as it should be, or not. */
function endWith(error) {
  const isWhole = byId('result').getAttribute('aria-busy') === 'false';
  if (error || !isWhole) fail(error ?? { title: 'The sentence broke off.', detail: 'Try again soon.' });
}

function write() {
  stream?.close();
  run += 1;
  reel.frames.forEach(({ image }) => image.close());
  reel.clear();
  const query = queryOf(form);
  const text = query.get('text');
  history.replaceState(null, '', `#${query}`);
  byId('error').hidden = true;
  byId('result').hidden = false;
  byId('result').setAttribute('aria-busy', 'true');
  byId('sheet').setAttribute('aria-label', `Handwriting: ${text}`);
  for (const format of FORMATS) byId(format).href = `${PATH}/picture?${query}&format=${format}`;
  stream = openEvents(`${PATH}?${query}`, listener(run, text));
}

/** Say what is missing, if there is no model of letters. */
async function hasModel() {
  const { title, command, models } = (await fetchKinds()).diffusion;
  if (models.length > 0) return true;
  byId('missing-title').textContent = `There is no ${title} here yet.`;
  byId('missing-command').textContent = command;
  byId('missing').hidden = false;
  form.hidden = true;
  return false;
}

async function main() {
  bindTheme(byId('theme'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    write();
  });
  form.addEventListener('change', ({ target }) => {
    if (target !== byId('text') && form.reportValidity()) write();
  });
  byId('again').addEventListener('click', () => {
    form.elements.seed.value = anySeed();
    if (form.reportValidity()) write();
  });
  byId('play').addEventListener('click', () => (reel.playing ? reel.pause() : reel.play()));
  byId('frame').addEventListener('input', ({ target }) => reel.seek(target.valueAsNumber));
  fill(form, new URLSearchParams(location.hash.slice(1)));
  try {
    if (await hasModel()) write();
    else document.documentElement.dataset.ready = '1';
  } catch (error) {
    fail(error);
  }
}

main();
