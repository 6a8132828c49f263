/** Tell screen readers what is shown: at once when the page opens, then whenever the reader comes to rest. */

const QUIET_MS = 400;

/** @returns {(text: string | null) => void} announces a text; null drops the one that waits */
export function createAnnouncer(region) {
  let timer = null;
  return function announce(text) {
    clearTimeout(timer);
    if (text === null) return;
    const tell = () => { region.textContent = text; };
    if (region.textContent === '') tell();
    else timer = setTimeout(tell, QUIET_MS);
  };
}
