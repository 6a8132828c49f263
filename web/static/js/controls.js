/** The viewer's buttons, slider, ply field and speed, turned into commands. */

import { save } from './settings.js';
import { speedFrom } from './speeds.js';
import { plyTyped } from './url.js';

const BUTTONS = { first: 'first', 'play-back': 'playBack', play: 'play', last: 'last' };
const REPEATING = ['back', 'forward', 'back10', 'forward10'];
const HOLD_DELAY_MS = 400;
const HOLD_EVERY_MS = 80;

const byId = (id) => document.getElementById(id);

/** Act on a click, and again and again while the button is held down, as a held key does. */
function bindRepeating(button, action) {
  let timer = null;
  let repeated = false;
  const repeat = () => {
    repeated = true;
    action();
    timer = setTimeout(repeat, HOLD_EVERY_MS);
  };
  const stop = () => clearTimeout(timer);
  button.addEventListener('pointerdown', (event) => {
    stop();
    repeated = false;
    if (event.button === 0) timer = setTimeout(repeat, HOLD_DELAY_MS);
  });
  for (const type of ['pointerup', 'pointerleave', 'pointercancel', 'blur']) {
    button.addEventListener(type, stop);
  }
  button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long touch opens it
  button.addEventListener('click', ({ detail }) => {
    if (!repeated || detail === 0) action(); // the click that ends a hold is no step of its own; a key's click is one
    repeated = false;
  });
}

/** Go to the ply that was typed; Enter hands the keys back to the viewer. */
function bindPlyField(run, lengthOf) {
  const field = byId('ply');
  const commit = () => {
    const ply = plyTyped(field.value, lengthOf());
    if (ply !== null) run('seek', ply);
    field.value = byId('slider').value;
  };
  field.addEventListener('focus', () => field.select());
  field.addEventListener('change', commit);
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault(); // or the same key would press the button that gets the focus
    commit();
    byId('play').focus();
  });
}

/**
 * @param {(command: string, argument?: number) => void} run
 * @param {() => number} lengthOf how many plies there are now
 */
export function bindControls(run, lengthOf) {
  for (const [id, command] of Object.entries(BUTTONS)) {
    byId(id).addEventListener('click', () => run(command));
  }
  for (const id of REPEATING) bindRepeating(byId(id), () => run(id));
  byId('slider').addEventListener('input', (event) => run('seek', event.target.valueAsNumber));
  byId('speed').addEventListener('change', ({ target }) => {
    run('speed', speedFrom(target.value));
    save('speed', target.value);
  });
  bindPlyField(run, lengthOf);
}
