/** What the reader chose, kept between visits where the browser allows it. */

const PREFIX = 'game2048.';

export function load(name, fallback) {
  try {
    return localStorage.getItem(PREFIX + name) ?? fallback;
  } catch {
    return fallback;
  }
}

export function save(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage may be off or full: the choice then lasts for this visit.
  }
}
