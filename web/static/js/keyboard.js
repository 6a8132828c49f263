/** Which key does what. Keys that a focused control needs itself are left to it. */

const KEYS = {
  ArrowLeft: 'back',
  ArrowRight: 'forward',
  ArrowUp: 'first',
  ArrowDown: 'last',
  Home: 'first',
  End: 'last',
  PageUp: 'back10',
  PageDown: 'forward10',
};

const CHARACTERS = {
  k: 'back',
  j: 'forward',
  ' ': 'toggle',
  '+': 'faster',
  '=': 'faster',
  '-': 'slower',
  '_': 'slower',
  m: 'milestone',
  n: 'mistake',
  a: 'arrows',
  '?': 'help',
};

const SHIFTED = {
  ArrowLeft: 'back10',
  ArrowRight: 'forward10',
  ArrowUp: 'back10',
  ArrowDown: 'forward10',
  ' ': 'toggleBack',
  m: 'milestoneBack',
  n: 'mistakeBack',
};

/** Elements that take typing or arrow keys, and those that Space and Enter press. */
const TAKES_KEYS = 'input:not([type=range]):not([type=checkbox]), select, textarea, [contenteditable]';
const TAKES_SPACE = 'button, a, summary, input[type=checkbox]';

/**
 * The command of a key, or null.
 *
 * @param {{key: string, shiftKey?: boolean, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean}} event
 */
export function commandFor({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return (shiftKey && SHIFTED[name]) || KEYS[name] || CHARACTERS[name] || null;
}

/** Whether the focused element wants the key for itself. */
export function keyIsTaken(event) {
  const { target, key } = event;
  if (!(target instanceof Element)) return false;
  return target.matches(TAKES_KEYS)
    || (key === ' ' && target.matches(TAKES_SPACE))
    || document.querySelector('dialog[open]') !== null;
}

/** Call `run(command)` for every key that has one. */
export function bindKeyboard(run) {
  document.addEventListener('keydown', (event) => {
    const command = commandFor(event);
    if (command === null || event.defaultPrevented || keyIsTaken(event)) return;
    event.preventDefault();
    run(command);
  });
}
