import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  NO_FILTERS, ORDERS, TILES, addressOf, contradiction, countFilters, filtersFrom, plainNumber, queryOf,
} from '../../web/static/js/library.js';

test('the plain address asks for nothing', () => {
  assert.deepEqual(filtersFrom(''), NO_FILTERS);
  assert.equal(addressOf(NO_FILTERS), '/');
  assert.equal(queryOf(NO_FILTERS), '');
});

test('an address comes back as its filters', () => {
  const filters = {
    agent: 'n-tuple 3 & more', tile: '2048', min_score: '1000', max_score: '99999',
    since: '2026-01-31', until: '2026-11-21', sort: 'date', order: 'asc',
  };

  assert.deepEqual(filtersFrom(addressOf(filters).slice(1)), filters);
  assert.equal(addressOf({ ...NO_FILTERS, tile: '2048', order: 'asc' }), '/?tile=2048&order=asc');
});

for (const search of [
  '?tile=3', '?tile=2048x', '?min_score=-1', '?min_score=1e5', '?max_score=9999999999', '?since=yesterday',
  '?until=2026-02-30', '?until=2026-13-01', '?sort=name', '?order=up', '?cursor=1', `?agent=${'x'.repeat(201)}`,
]) {
  test(`"${search.slice(0, 24)}" is overlooked`, () => assert.deepEqual(filtersFrom(search), NO_FILTERS));
}

test('the server is asked for what differs, and for the page that comes next', () => {
  assert.equal(queryOf({ ...NO_FILTERS, agent: 'greedy' }, 'score-desc-0-12-ff'), 'agent=greedy&cursor=score-desc-0-12-ff');
});

test('an order is no filter', () => {
  assert.equal(countFilters({ ...NO_FILTERS, sort: 'date', order: 'asc' }), 0);
  assert.equal(countFilters({ ...NO_FILTERS, tile: '1024', since: '2026-01-01', order: 'asc' }), 2);
});

test('orders have names of their own, and both ways', () => {
  assert.equal(new Set(ORDERS.map(([name]) => name)).size, 8);
  for (const order of ['asc', 'desc']) assert.equal(ORDERS.filter((entry) => entry[2] === order).length, 4);
});

test('tiles go from 131072 down to 8', () => {
  assert.equal(TILES[0], '131072');
  assert.equal(TILES.at(-1), '8');
});

for (const [text, plain] of [['10,000', '10000'], ['10 000', '10000'], [' 5 ', '5'], ['', ''], ['1\u202f000', '1000']]) {
  test(`a score "${text}" is ${plain || 'nothing'}`, () => assert.equal(plainNumber(text), plain));
}

test('filters that contradict each other are told', () => {
  assert.match(contradiction({ ...NO_FILTERS, min_score: '900', max_score: '80' }), /above/);
  assert.match(contradiction({ ...NO_FILTERS, since: '2026-02-01', until: '2026-01-01' }), /after/);
  assert.equal(contradiction({ ...NO_FILTERS, min_score: '80', max_score: '900', since: '2026-01-01' }), '');
});
