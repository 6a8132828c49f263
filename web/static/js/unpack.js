/** Arrays as lessons send them: base64 of compressed bytes. See server/workers/lessons/packing.py. */

import { bytesOf } from './base64.js';

/** What 1.0 is in arrays of int8. */
export const UNIT = 127;

/**
 * @param {string} text
 * @param {Function} Type of the array, such as Int8Array
 * @returns {Promise<object>} an array of this type
 */
export async function unpack(text, Type) {
  const bytes = bytesOf(text);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Type(await new Response(plain).arrayBuffer());
}
