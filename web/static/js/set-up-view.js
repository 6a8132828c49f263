/** The dialog in which a position is set up: cell by cell, or as text; both show the same board. */

import { formatPosition, parsePosition } from './position.js';
import { MAX_EXPONENT, isOver } from './rules.js';

const byId = (id) => document.getElementById(id);

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -4, ArrowDown: 4 };
const TILES = MAX_EXPONENT + 1; // kinds of cells, the empty one among them

/** The exponent that a key makes of another; null if it is no such key. */
function typed(key, exponent) {
  if (key === '+' || key === '=') return (exponent + 1) % TILES;
  if (key === '-' || key === '_') return (exponent + TILES - 1) % TILES;
  return ['0', 'Backspace', 'Delete'].includes(key) ? 0 : null;
}

export class SetUpView {
  #dialog = byId('set-up');
  #text = byId('set-up-text');
  #cells;
  #board = new Uint8Array(16);

  /** @param {(board: Uint8Array, ask: boolean) => void} onDone `ask` is whether the best move is wanted */
  constructor(onDone) {
    this.#cells = Array.from({ length: 16 }, (_, cell) => this.#createCell(cell));
    byId('editor').append(...this.#cells);
    this.#text.addEventListener('input', () => this.#read());
    byId('set-up-clear').addEventListener('click', () => this.#set(new Uint8Array(16)));
    this.#dialog.addEventListener('close', () => {
      const { returnValue } = this.#dialog;
      this.#dialog.returnValue = '';
      if (returnValue === 'ask' || returnValue === 'use') onDone(this.#board.slice(), returnValue === 'ask');
    });
  }

  open(board) {
    this.#set(Uint8Array.from(board));
    this.#dialog.showModal();
    this.#cells[0].focus();
  }

  #createCell(cell) {
    const button = document.createElement('button');
    button.type = 'button';
    button.tabIndex = cell === 0 ? 0 : -1;
    button.addEventListener('click', () => this.#change(cell, typed('+', this.#board[cell])));
    button.addEventListener('contextmenu', (event) => { // a right click, or a long touch
      event.preventDefault();
      this.#change(cell, typed('-', this.#board[cell]));
    });
    button.addEventListener('keydown', (event) => {
      const exponent = typed(event.key, this.#board[cell]);
      if (event.key in STEPS) this.#focus(cell + STEPS[event.key]);
      else if (exponent !== null) this.#change(cell, exponent);
      else return;
      event.preventDefault();
    });
    return button;
  }

  /** Move the focus, which one of the sixteen cells has for the Tab key. */
  #focus(cell) {
    if (!(cell in this.#cells)) return;
    this.#cells.forEach((button, i) => { button.tabIndex = i === cell ? 0 : -1; });
    this.#cells[cell].focus();
  }

  #change(cell, exponent) {
    this.#set(this.#board.with(cell, exponent));
  }

  #set(board) {
    this.#text.value = formatPosition(board);
    this.#show(board);
  }

  #read() {
    try {
      this.#show(parsePosition(this.#text.value));
    } catch (error) {
      this.#refuse(error.message);
    }
  }

  #show(board) {
    this.#board = board;
    this.#cells.forEach((button, cell) => {
      const tile = board[cell] && 2 ** board[cell];
      button.className = tile ? `tile-${tile}` : '';
      button.textContent = tile || '';
      button.setAttribute('aria-label', `Row ${(cell >> 2) + 1}, column ${(cell % 4) + 1}: ${tile || 'empty'}`);
    });
    this.#refuse(isOver(board) ? 'No move is possible here.' : '');
  }

  /** Say what is wrong; nothing can be done with the position until it is right. */
  #refuse(reason) {
    byId('set-up-problem').textContent = reason;
    for (const id of ['set-up-ask', 'set-up-use']) byId(id).disabled = reason !== '';
    this.#text.setAttribute('aria-invalid', String(reason !== ''));
  }
}
