/** A small board, for looking at. */

/** @param {ArrayLike<number>} board 16 exponents */
export function thumbnail(board) {
  const grid = document.createElement('div');
  grid.className = 'small-board';
  grid.append(...Array.from(board, (exponent) => {
    const cell = document.createElement('div');
    if (exponent > 0) {
      const value = 2 ** exponent;
      cell.className = `tile-${value} digits-${String(value).length}`;
      cell.textContent = value;
    }
    return cell;
  }));
  return grid;
}
