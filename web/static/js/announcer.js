/** Tell screen readers what is shown, once the reader comes to rest. */

const QUIET_MS = 400;

/** @returns {(text: string | null) => void} announces a text; null drops the one that waits */
export function createAnnouncer(region) {
  let timer = null;
  return function announce(text) {
    clearTimeout(timer);
    if (text === null) return;
    timer = setTimeout(() => { region.textContent = text; }, QUIET_MS);
  };
}
