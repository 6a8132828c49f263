import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';

import { readCompact } from '../../web/static/js/compact.js';
import { createThinker } from '../../web/static/js/thinker.js';

const BOARD = '1100000000000000';
const QUESTION = { player: 'small', depth: 1, board: BOARD };
const SERVER = { values: [null, 1, 2, 3], unit: 'points' };

/** The file of a network of one pair of cells, 1 for each weight, units of 2 points. */
function fileOf(changes = {}) {
  const header = {
    format: 'game2048 compact n-tuple', version: 1, unit: 2, initial: 10,
    network: { patterns: ['01'], counts: [], stage_tiles: [] }, ...changes,
  };
  const parts = { rows: new Uint8Array(32).fill(255), low: new Uint8Array(256).fill(1), high: new Uint8Array(256) };
  const head = { __metadata__: { game2048: JSON.stringify(header) } };
  const data = Object.entries(parts).map(([name, bytes]) => [name, deflateSync(bytes)]);
  let end = 0;
  for (const [name, { length }] of data) head[name] = { dtype: 'U8', shape: [length], data_offsets: [end, end += length] };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, ...data.map(([, bytes]) => bytes)])).buffer;
}

test('a network in the page answers without the server, and is fetched once', async () => {
  const fetched = [];
  const think = createThinker(() => assert.fail('the server is asked'), async (...what) => {
    fetched.push(what);
    return fileOf();
  });

  const answers = await Promise.all([think(QUESTION, 'v1'), think(QUESTION, 'v1')]);

  // eight looks at a weight of 1, two points each, and V_0; left and right merge for 4 points; up moves nothing
  assert.deepEqual(answers[0], { values: [null, 30, 26, 30], unit: 'points' });
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(fetched, [['small', 'v1']]);
});

test('the server answers where there is no network for pages, and for looks further ahead', async () => {
  const think = createThinker(async () => SERVER, () => assert.fail('a network is fetched'));

  assert.equal(await think(QUESTION, null), SERVER);
  assert.equal(await think({ ...QUESTION, depth: 2 }, 'v1'), SERVER);
});

test('the server answers while the network cannot be fetched, and the next position tries again', async () => {
  const files = [() => { throw new Error('gone'); }, () => fileOf({ version: 99 }), () => fileOf()];
  const think = createThinker(async () => SERVER, async () => files.shift()());

  assert.equal(await think(QUESTION, 'v1'), SERVER);
  assert.equal(await think(QUESTION, 'v1'), SERVER);
  assert.deepEqual((await think(QUESTION, 'v1')).values, [null, 30, 26, 30]);
});

test('a file of another format or size is refused by name', async () => {
  await assert.rejects(readCompact(fileOf({ format: 'other' })), /must be of format game2048 compact n-tuple 1, got other/);
  const larger = { patterns: ['012'], counts: [], stage_tiles: [] };
  await assert.rejects(readCompact(fileOf({ network: larger })), /weights must be 4096, got 256/);
});
