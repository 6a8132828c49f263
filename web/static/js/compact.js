/** Compact networks: the file that `agents/compact.py` writes, read in the page. */

import { NTupleNetwork } from './ntuple.js';

const KEY = 'game2048';
const FORMAT = 'game2048 compact n-tuple';
const VERSION = 1;

/** The header and the tensors, bytes all of them, of a safetensors file. */
function tensorsOf(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const { __metadata__: metadata, ...places } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = Object.fromEntries(Object.entries(places).map(([name, { data_offsets: [start, end] }]) =>
    [name, new Uint8Array(buffer, 8 + length + start, end - start)]));
  return { header: JSON.parse(metadata[KEY]), tensors };
}

async function inflate(bytes) {
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/**
 * @param {ArrayBuffer} buffer the file
 * @returns {Promise<{network: NTupleNetwork, header: object}>}
 * @throws {Error} if it is damaged or something else
 */
export async function readCompact(buffer) {
  const { header, tensors } = tensorsOf(buffer);
  if (header.format !== FORMAT || header.version !== VERSION) {
    throw new Error(`The file must be of format ${FORMAT} ${VERSION}, got ${header.format} ${header.version}.`);
  }
  const [rows, low, high] = await Promise.all([tensors.rows, tensors.low, tensors.high].map(inflate));
  const weights = new Int16Array(8 * rows.length);
  let k = 0;
  for (let i = 0; i < weights.length; i++) {
    if ((rows[i >> 3] >> (i & 7)) & 1) {
      weights[i] = low[k] | (high[k] << 8); // the array takes 16 bits, with their sign
      k++;
    }
  }
  if (k !== low.length || k !== high.length) throw new Error(`The file must hold ${k} weights, got ${low.length}.`);
  return { network: new NTupleNetwork(header.network, weights, header), header };
}
