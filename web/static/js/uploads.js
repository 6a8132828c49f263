/** Files on their way to the server, one after the other, as plain values. */

/**
 * @typedef {object} Upload
 * @property {string} name   of the file
 * @property {'waiting' | 'sending' | 'added' | 'known' | 'refused' | 'unsent'} state
 * @property {object} [game] what the server said of it: `{id, score, max_tile, n_moves}`
 * @property {string} [reason] why it was refused, or not sent
 */

/** Larger files are refused by the server as it comes; there is no need to send them. */
export const MAX_BYTES = 16 * 2 ** 20;

/** @returns {Upload[]} */
export const waiting = (files) => files.map(({ name }) => ({ name, state: 'waiting' }));

/** What became of one file. Errors that are not about this file are thrown. */
async function sendOne(file, send) {
  if (file.size > MAX_BYTES) return { state: 'refused', reason: 'The file is larger than any game.' };
  try {
    const { created, ...game } = await send(file);
    return { state: created ? 'added' : 'known', game };
  } catch (error) {
    if (error.status === 422) return { state: 'refused', reason: error.detail };
    if (error.status === 413) return { state: 'refused', reason: 'The file is larger than the server takes.' };
    throw error;
  }
}

/**
 * Send files one after the other, and tell of every change.
 *
 * @param {File[]} files
 * @param {(file: File) => Promise<object>} send
 * @param {(uploads: Upload[]) => void} tell
 * @throws what stops them all: no connection, no token
 */
export async function sendAll(files, send, tell) {
  let uploads = waiting(files);
  const change = (index, values) => {
    uploads = uploads.map((upload, k) => (k === index ? { ...upload, ...values } : upload));
    tell(uploads);
  };
  for (const [index, file] of files.entries()) {
    change(index, { state: 'sending' });
    try {
      change(index, await sendOne(file, send));
    } catch (error) {
      uploads = uploads.map((upload, k) => (k < index ? upload : { ...upload, state: 'unsent' }));
      change(index, { reason: (error.status && error.detail) || error.title || error.message });
      throw error;
    }
  }
  return uploads;
}

const games = (n) => `${n} ${n === 1 ? 'game' : 'games'}`;

/** "3 games added, 1 was here already, 2 files refused, 4 not sent." */
export function summary(uploads) {
  const count = (state) => uploads.filter((upload) => upload.state === state).length;
  const [added, known, refused, unsent] = ['added', 'known', 'refused', 'unsent'].map(count);
  const done = added + known + refused + unsent;
  if (done < uploads.length) return `Sending ${done + 1} of ${uploads.length} …`;
  const parts = [];
  if (added) parts.push(`${games(added)} added`);
  if (known) parts.push(`${known} ${known === 1 ? 'was' : 'were'} here already`);
  if (refused) parts.push(`${refused} ${refused === 1 ? 'file' : 'files'} refused`);
  if (unsent) parts.push(`${unsent} not sent`);
  return `${parts.join(', ')}.`;
}
