/** Files dragged onto the page, and games pasted into it. */

const holdsFiles = (event) => event.dataTransfer?.types.includes('Files');

/**
 * @param {Element} veil shown over the page while files are dragged over it
 * @param {() => boolean} welcome whether files are taken at the moment
 * @param {(files: File[]) => void} take
 */
export function bindDrop(veil, welcome, take) {
  let depth = 0; // of elements entered: every child of the page tells of its own
  const show = (by) => {
    depth = Math.max(0, depth + by);
    veil.hidden = depth === 0;
  };
  window.addEventListener('dragenter', (event) => {
    if (holdsFiles(event) && welcome()) show(1);
  });
  window.addEventListener('dragleave', (event) => {
    if (holdsFiles(event)) show(-1);
  });
  window.addEventListener('dragover', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault(); // else the browser would open the file in place of the page
    event.dataTransfer.dropEffect = welcome() ? 'copy' : 'none';
  });
  window.addEventListener('drop', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(0);
    if (welcome()) take([...event.dataTransfer.files]);
  });
}

/** Text that may be a game: JSON, or a replay of 2048verse. */
const MAY_BE_GAME = /^\s*\{|^replay_|^\d+x\d+-/;

/**
 * @param {() => boolean} welcome whether games are taken at the moment
 * @param {(files: File[]) => void} take
 */
export function bindPaste(welcome, take) {
  window.addEventListener('paste', ({ target, clipboardData }) => {
    if (target.closest?.('input, textarea') || !welcome()) return;
    const text = clipboardData.getData('text/plain');
    if (clipboardData.files.length > 0) take([...clipboardData.files]);
    else if (MAY_BE_GAME.test(text)) take([new File([text], 'Pasted text')]);
  });
}
