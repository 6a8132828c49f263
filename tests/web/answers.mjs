/** Run a network of a bundle forwards: `node answers.mjs BUNDLE INPUTS SHAPE OUTPUTS`, float32 in and out. */

import { readFileSync, writeFileSync } from 'node:fs';

import { unpack } from '../../web/static/js/bundle.js';
import { answerOf, networkOf } from '../../web/static/js/forward.js';

const [bundle, inputs, shape, outputs] = process.argv.slice(2);
const bufferOf = (path) => Uint8Array.from(readFileSync(path)).buffer;

const network = networkOf(unpack(bufferOf(bundle)));
const numbers = new Float32Array(bufferOf(inputs));
const dimensions = shape.split(',').map(Number);
const size = dimensions.reduce((product, n) => product * n, 1);
const answers = [];
for (let start = 0; start < numbers.length; start += size) {
  answers.push(...answerOf(network, { shape: dimensions, data: numbers.subarray(start, start + size) }));
}
writeFileSync(outputs, new Uint8Array(Float32Array.from(answers).buffer));
