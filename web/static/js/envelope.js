/** Series that are longer than a picture is wide: the smallest and the largest number of every column of pixels. */

/**
 * @param {ArrayLike<number>} values
 * @param {number} width columns
 * @returns {{low: Float64Array, high: Float64Array}} NaN where a column has no number. A column has all values that
 *   fall into it, and at least one
 */
export function envelope(values, width) {
  const low = new Float64Array(width).fill(NaN);
  const high = new Float64Array(width).fill(NaN);
  const last = Math.max(values.length - 1, 0);
  for (let column = 0; column < width; column++) {
    const first = Math.floor((column * last) / width);
    const end = Math.max(first + 1, Math.floor(((column + 1) * last) / width)); // where the next one begins
    for (let i = first; i <= end && i <= last; i++) {
      const value = values[i];
      if (!(low[column] <= value)) low[column] = Number.isNaN(value) ? low[column] : value;
      if (!(high[column] >= value)) high[column] = Number.isNaN(value) ? high[column] : value;
    }
  }
  return { low, high };
}
