/** The library: list, filter, add, download and delete games. */

import { askForToken, askToDelete } from './dialogs.js';
import { bindDrop, bindPaste } from './drop-view.js';
import { ExportDialog } from './export-dialog.js';
import { FiltersView } from './filters-view.js';
import { deleteGame, fetchAgents, fetchGames, sendGame } from './games-api.js';
import { NO_FILTERS, addressOf, contradiction, countFilters, filtersFrom, queryOf } from './library.js';
import { ListView, gameInWords } from './list-view.js';
import { bindTheme } from './theme.js';
import { keepToken, token } from './token.js';
import { sendAll } from './uploads.js';
import { showUploads } from './uploads-view.js';
import { formatNumber } from './words.js';

const byId = (id) => document.getElementById(id);

class Library {
  #list = new ListView(byId('games'), { download: (game) => this.#download(game), remove: (game) => this.#delete(game) });
  #form = new FiltersView(byId('filters'), byId('filters-open'), (filters) => this.#choose(filters));
  #exports = new ExportDialog();
  #filters = filtersFrom(location.search);
  #cursor = null;
  #writes = 'off';
  #loading = null; // what calls off the page that is on its way
  #busy = false; // files are being added

  async start() {
    this.#form.show(this.#filters);
    byId('more').addEventListener('click', () => this.#more());
    byId('retry').addEventListener('click', () => this.load());
    for (const id of ['reset', 'no-match-reset']) byId(id).addEventListener('click', () => this.#reset());
    window.addEventListener('popstate', () => this.#show(filtersFrom(location.search)));
    this.#bindUpload();
    await Promise.all([this.load(), this.#loadAgents()]);
  }

  /** Load the first page. */
  async load() {
    this.#cursor = null;
    await this.#loadPage((games) => {
      this.#list.clear();
      this.#list.append(games);
      const asked = countFilters(this.#filters) > 0;
      byId('empty').hidden = games.length > 0 || asked;
      byId('no-match').hidden = games.length > 0 || !asked;
    });
  }

  async #more() {
    await this.#loadPage((games) => this.#list.append(games, true));
  }

  async #loadPage(show) {
    this.#loading?.abort();
    const loading = this.#loading = new AbortController();
    byId('games').ariaBusy = 'true';
    showError(null);
    try {
      const none = contradiction(this.#filters) !== '';
      const query = queryOf(none ? NO_FILTERS : this.#filters, none ? null : this.#cursor);
      const { games, next, writes } = await fetchGames(query, loading.signal);
      this.#cursor = none ? null : next;
      this.#allow(writes);
      show(none ? [] : games);
      byId('more').hidden = this.#cursor === null;
      byId('status').textContent = `${formatNumber(this.#list.count)} games shown${this.#cursor ? ', there are more' : ''}.`;
    } catch (error) {
      if (error.name === 'AbortError') return;
      showError(error);
    }
    byId('games').ariaBusy = 'false';
  }

  async #loadAgents() {
    try {
      const agents = await fetchAgents();
      this.#form.agents = agents;
      const total = agents.reduce((sum, { games }) => sum + games, 0);
      byId('total').textContent = total ? `${formatNumber(total)} in all` : '';
    } catch {
      // The list itself says what is wrong; without the agents one can still look at games.
    }
  }

  // --- filters ---

  /** Show other filters as the reader chose them: a step in the history. */
  #choose(filters) {
    const address = addressOf(filters);
    if (address !== location.pathname + location.search) history.pushState(null, '', address);
    this.#show(filtersFrom(location.search));
  }

  #reset() {
    this.#choose({ ...NO_FILTERS, sort: this.#filters.sort, order: this.#filters.order });
    this.#form.focus();
  }

  #show(filters) {
    this.#filters = filters;
    this.#form.show(filters);
    this.load();
  }

  // --- adding and deleting ---

  /** Offer what the server lets a page do. */
  #allow(writes) {
    this.#writes = writes;
    byId('upload-open').hidden = byId('empty-upload').hidden = writes === 'off';
    byId('forget-token').hidden = writes !== 'token' || token() === '';
    this.#list.writable = writes !== 'off';
  }

  #bindUpload() {
    const input = byId('upload');
    byId('upload-open').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      const files = [...input.files];
      input.value = ''; // so that the same file can be chosen again
      this.#add(files);
    });
    byId('uploads-close').addEventListener('click', () => {
      showUploads([]);
      byId('upload-open').focus();
    });
    byId('forget-token').addEventListener('click', () => {
      keepToken('');
      byId('forget-token').hidden = true;
      byId('upload-open').focus();
    });
    const welcome = () => this.#writes !== 'off' && !this.#busy && document.querySelector('dialog[open]') === null;
    bindDrop(byId('drop'), welcome, (files) => this.#add(files));
    bindPaste(welcome, (files) => this.#add(files));
  }

  async #add(files) {
    if (files.length === 0 || this.#busy) return;
    this.#busy = true;
    byId('upload-open').disabled = true;
    try {
      await this.#writing(() => sendAll(files, (file) => sendGame(file, token()), showUploads));
    } catch {
      // The list of files tells what came between.
    }
    this.#busy = false;
    byId('upload-open').disabled = false;
    await Promise.all([this.load(), this.#loadAgents()]);
    if (!byId('uploads').hidden) byId('uploads').focus();
  }

  async #delete(game) {
    if (!await askToDelete(`${gameInWords(game)}, ${formatNumber(game.n_moves)} moves.`)) return;
    try {
      if (!await this.#writing(() => deleteGame(game.id, token()))) return;
      this.#list.remove(game);
      byId('status').textContent = 'The game is deleted.';
      await this.#loadAgents();
      if (this.#list.count === 0) await this.load();
    } catch (error) {
      showError(error);
    }
  }

  /** Do something that may need the token: ask for it, again where it was wrong. False where nobody knows it. */
  async #writing(action) {
    for (let wrong = false; ; wrong = true) {
      if (this.#writes === 'token' && token() === '') keepToken(await askForToken(wrong));
      if (this.#writes === 'token' && token() === '') return false;
      try {
        await action();
        this.#allow(this.#writes);
        return true;
      } catch (error) {
        if (error.status !== 401) throw error;
        keepToken('');
        this.#writes = 'token';
      }
    }
  }

  #download(game) {
    const words = `${gameInWords(game)}, ${formatNumber(game.n_moves)} moves`;
    this.#exports.open({ id: game.id, length: game.n_moves, words });
  }
}

function showError(error) {
  byId('error').hidden = error === null;
  if (error === null) return;
  byId('error-title').textContent = error.title ?? 'Something went wrong.';
  byId('error-detail').textContent = error.detail ?? error.message;
}

async function main() {
  bindTheme(byId('theme'));
  await new Library().start();
  document.documentElement.dataset.ready = '1';
}

main();
