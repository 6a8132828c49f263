/**
 * What the library shows: filters and order, as plain values.
 *
 * All of them are texts, '' where nothing is asked, with the names that the server's API and the page's address give
 * them, so that an address can be shared.
 */

export const NO_FILTERS = Object.freeze({
  agent: '', tile: '', min_score: '', max_score: '', since: '', until: '', sort: 'score', order: 'desc',
});

/** The orders that a reader can choose: what they are called, and what they mean. */
export const ORDERS = [
  ['Best score', 'score', 'desc'],
  ['Lowest score', 'score', 'asc'],
  ['Largest tile', 'tile', 'desc'],
  ['Smallest tile', 'tile', 'asc'],
  ['Most moves', 'moves', 'desc'],
  ['Fewest moves', 'moves', 'asc'],
  ['Newest', 'date', 'desc'],
  ['Oldest', 'date', 'asc'],
];

/** The largest tiles to filter by, 131072 ... 8. */
export const TILES = Array.from({ length: 15 }, (_, k) => String(2 ** (17 - k)));

const SORTS = ORDERS.map(([, sort]) => sort);

const isNumber = (text) => /^\d{1,9}$/.test(text);

/** Whether there is such a day; Date.parse takes 30 February for 2 March. */
function isDay(text) {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const VALID = {
  agent: (text) => text.length <= 200,
  tile: (text) => TILES.includes(text),
  min_score: isNumber,
  max_score: isNumber,
  since: isDay,
  until: isDay,
  sort: (text) => SORTS.includes(text),
  order: (text) => ['asc', 'desc'].includes(text),
};

/** A score as people write it, "10,000" or "10 000", without its separators. */
export const plainNumber = (text) => text.replace(/[\s,.'’_]/g, '');

/** The filters that an address asks for; what cannot be understood is left out. */
export function filtersFrom(search) {
  const asked = new URLSearchParams(search);
  const filters = { ...NO_FILTERS };
  for (const name of Object.keys(NO_FILTERS)) {
    const value = asked.get(name);
    if (value !== null && VALID[name](value)) filters[name] = value;
  }
  return filters;
}

/** Only what differs from the list as it opens. */
function asked(filters) {
  return Object.entries(filters).filter(([name, value]) => value !== NO_FILTERS[name] && VALID[name](value));
}

/** The address of the library with these filters: `/`, or `/?tile=2048&sort=date`. */
export function addressOf(filters) {
  const query = String(new URLSearchParams(asked(filters)));
  return query ? `/?${query}` : '/';
}

/** What to ask the server for: the filters, and the cursor of the page that comes next. */
export function queryOf(filters, cursor = null) {
  const query = new URLSearchParams(asked(filters));
  if (cursor !== null) query.set('cursor', cursor);
  return String(query);
}

/** How many filters there are; the order is none. */
export function countFilters(filters) {
  return asked(filters).filter(([name]) => name !== 'sort' && name !== 'order').length;
}

/** Why no game can fit, in words; '' where one may. */
export function contradiction({ min_score: least, max_score: most, since, until }) {
  if (least && most && Number(least) > Number(most)) return 'The lowest score is above the highest.';
  if (since && until && since > until) return 'The first day is after the last.';
  return '';
}
