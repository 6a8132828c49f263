import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compared, flat } from '../../web/static/js/run-settings.js';

test('settings are flat, under dotted names', () => {
  const settings = { algorithm: 'ppo', ema: null, network: { width: 256, deep: { on: true } }, widths: [4, 2], none: {} };

  assert.deepEqual(flat(settings), [
    ['algorithm', 'ppo'], ['ema', 'null'], ['network.width', '256'], ['network.deep.on', 'true'],
    ['widths', '[4,2]'], ['none', '{}'],
  ]);
  assert.deepEqual(flat(null), []);
});

test('settings that differ are told from those that only some runs have', () => {
  const runs = [{ settings: { seed: 1, lr: 0.1 } }, { settings: { seed: 2, lr: 0.1, clip: 0.2 } }, { settings: null }];

  assert.deepEqual(compared(runs), [
    { name: 'seed', values: ['1', '2', null], differs: true },
    { name: 'lr', values: ['0.1', '0.1', null], differs: false },
    { name: 'clip', values: [null, '0.2', null], differs: false },
  ]);
});
