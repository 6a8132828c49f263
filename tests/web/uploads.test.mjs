import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_BYTES, sendAll, summary } from '../../web/static/js/uploads.js';

const file = (name, size = 10) => ({ name, size });
const problem = (status, detail) => Object.assign(new Error(detail), { status, detail });

test('files go one after the other, and each tells what became of it', async () => {
  const answers = {
    'a.json': { id: '1', score: 5, created: true },
    'b.txt': { id: '2', score: 6, created: false },
    'c.rpl': problem(422, 'ply 3: the move does not change the board'),
    'd.json': problem(413, 'too large'),
  };
  const told = [];
  let sending = 0;
  const send = async ({ name }) => {
    sending += 1;
    assert.equal(sending, 1, 'one at a time');
    await null;
    sending -= 1;
    if (answers[name] instanceof Error) throw answers[name];
    return answers[name];
  };

  const files = [...Object.keys(answers).map((name) => file(name)), file('e.json', MAX_BYTES + 1)];
  const uploads = await sendAll(files, send, (now) => told.push(summary(now)));

  assert.deepEqual(uploads.map(({ state }) => state), ['added', 'known', 'refused', 'refused', 'refused']);
  assert.deepEqual(uploads[0].game, { id: '1', score: 5 });
  assert.equal(uploads[2].reason, 'ply 3: the move does not change the board');
  assert.equal(told[0], 'Sending 1 of 5 …');
  assert.equal(told.at(-1), '1 game added, 1 was here already, 3 files refused.');
});

test('what is not about one file stops them all', async () => {
  let uploads;
  const sent = [];
  const send = async ({ name }) => {
    sent.push(name);
    throw problem(401, 'no token');
  };

  const files = [file('large', MAX_BYTES + 1), file('a'), file('b')];
  await assert.rejects(sendAll(files, send, (now) => { uploads = now; }), { status: 401 });

  assert.deepEqual(sent, ['a']);
  assert.deepEqual(uploads.map(({ state }) => state), ['refused', 'unsent', 'unsent']);
  assert.equal(uploads[1].reason, 'no token');
});

for (const [states, words] of [
  [['added', 'added'], '2 games added.'],
  [['known', 'known'], '2 were here already.'],
  [['refused'], '1 file refused.'],
  [['added', 'refused'], '1 game added, 1 file refused.'],
  [['added', 'unsent', 'unsent'], '1 game added, 2 not sent.'],
  [['unsent'], '1 not sent.'],
]) {
  test(`${states} is “${words}”`, () => assert.equal(summary(states.map((state) => ({ state }))), words));
}
