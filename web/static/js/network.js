/** The numbers of a network, layer by layer. */

/**
 * Cut a flat list into layers.
 *
 * @param {number[]} sizes neurons of each layer, the inputs first
 * @param {number[]} numbers of each layer the weights, a row for each of its neurons, then the biases
 * @returns {{weights: number[][], biases: number[]}[]}
 */
export function layersOf(sizes, numbers) {
  let at = 0;
  const take = (n) => numbers.slice(at, (at += n));
  return sizes.slice(1).map((size, i) => ({
    weights: Array.from({ length: size }, () => take(sizes[i])),
    biases: take(size),
  }));
}
