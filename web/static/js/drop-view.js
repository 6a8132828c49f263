/** Files dragged onto the page. */

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
