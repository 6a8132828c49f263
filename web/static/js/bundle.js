/** Bundles of the server: named arrays and a header of JSON in one run of bytes (`server/bundle.py`). */

/** What half-precision numbers are multiplied by, for each exponent: fractions count in 1024ths. */
const SCALES = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

/** The number that 16 bits stand for (IEEE 754, binary16). */
export function fromHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? fraction + 1024 : fraction) * SCALES[exponent];
}

const VIEWS = {
  f2: (buffer, offset, length) => Float32Array.from(new Uint16Array(buffer, offset, length), fromHalf),
  f4: (buffer, offset, length) => new Float32Array(buffer, offset, length),
  u1: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
};

/**
 * Read a bundle; the machine must be little-endian, as all are that run browsers.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{header: object, arrays: Record<string, {shape: number[], data: Float32Array | Uint8Array}>}}
 */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { arrays: places, ...header } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const [name, { kind, shape, offset }] of Object.entries(places)) {
    const count = shape.reduce((product, n) => product * n, 1);
    arrays[name] = { shape, data: VIEWS[kind](buffer, 4 + length + offset, count) };
  }
  return { header, arrays };
}
