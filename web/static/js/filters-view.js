/** The form with filters and order. */

import { NO_FILTERS, ORDERS, TILES, contradiction, countFilters, plainNumber } from './library.js';
import { formatNumber } from './words.js';

const NUMBERS = ['min_score', 'max_score'];

const option = (text, value) => new Option(text, value);

export class FiltersView {
  #form;
  #opener;

  /** @param {(filters: object) => void} change called with the filters when the reader has changed them */
  constructor(form, opener, change) {
    this.#form = form;
    this.#opener = opener;
    form.elements.tile.append(...TILES.map((tile) => option(tile, tile)));
    form.elements.order.append(...ORDERS.map(([name, sort, order]) => option(name, `${sort}-${order}`)));
    form.addEventListener('change', () => change(this.read()));
    form.addEventListener('submit', (event) => event.preventDefault());
    opener.addEventListener('click', () => this.#toggle());
  }

  /** The agents that can be chosen; the one that is chosen stays, whoever it is. */
  set agents(agents) {
    const select = this.#form.elements.agent;
    const chosen = select.value;
    const options = agents.map(({ name, games }) => option(`${name || 'Unknown player'} (${formatNumber(games)})`, name));
    select.replaceChildren(option('Everyone', ''), ...options.filter(({ value }) => value !== ''));
    this.#choose(select, chosen);
  }

  read() {
    const filters = { ...NO_FILTERS };
    for (const { name, value } of this.#form.elements) {
      if (name in filters) filters[name] = NUMBERS.includes(name) ? plainNumber(value) : value;
    }
    [filters.sort, filters.order] = this.#form.elements.order.value.split('-');
    return filters;
  }

  show(filters) {
    for (const name of Object.keys(NO_FILTERS)) {
      if (name !== 'sort' && name !== 'order') this.#choose(this.#form.elements[name], filters[name]);
    }
    for (const name of NUMBERS) {
      if (filters[name]) this.#form.elements[name].value = formatNumber(Number(filters[name]));
    }
    this.#form.elements.order.value = `${filters.sort}-${filters.order}`;
    const count = countFilters(filters);
    document.getElementById('reset').hidden = count === 0;
    this.#opener.textContent = count ? `Filter and sort (${count})` : 'Filter and sort';
    document.getElementById('no-match-why').textContent = contradiction(filters);
  }

  /** Put the focus where filters are chosen. */
  focus() {
    const first = this.#form.elements.agent;
    (first.checkVisibility() ? first : this.#opener).focus();
  }

  /** Set a field; an agent that plays no more, or not yet, can still be asked for by the address. */
  #choose(field, value) {
    if (field.name === 'agent' && value && ![...field.options].some((known) => known.value === value)) {
      field.append(option(value, value));
    }
    field.value = value;
  }

  #toggle() {
    const open = this.#form.classList.toggle('open');
    this.#opener.setAttribute('aria-expanded', String(open));
  }
}
