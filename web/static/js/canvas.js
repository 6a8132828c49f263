/** What pictures on canvases share: sharp pixels, and colours that the style sheet decides. */

/**
 * Make a canvas as sharp as the screen, and empty.
 *
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number} | null} sizes in CSS pixels; null while
 *   the canvas is not shown
 */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const density = window.devicePixelRatio;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext('2d');
  context.scale(density, density);
  const style = getComputedStyle(canvas);
  context.font = `${style.fontSize} ${style.fontFamily}`;
  return { context, width, height };
}

const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

/** A colour of the style sheet, such as `--class-0`, as [red, green, blue], 0 to 255. */
export function colourOf(name) {
  const holder = document.getElementById('palette');
  holder.style.color = `var(${name})`;
  probe.fillStyle = getComputedStyle(holder).color;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

export const rgb = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

/** A colour between two, `part` from 0 to 1. */
export const mix = (from, to, part) => from.map((value, i) => Math.round(value + (to[i] - value) * part));

/**
 * Draw a picture of numbers, enlarged to a rectangle.
 *
 * @param {number} columns
 * @param {number} rows
 * @param {(i: number) => number[]} colour of the i-th number, row by row
 * @param {boolean} smooth whether neighbours run into each other
 */
export function drawGrid(context, columns, rows, colour, [x, y, width, height], smooth = false) {
  const image = new ImageData(columns, rows);
  for (let i = 0; i < columns * rows; i += 1) {
    const [red, green, blue] = colour(i);
    image.data.set([red, green, blue, 255], 4 * i);
  }
  const small = Object.assign(document.createElement('canvas'), { width: columns, height: rows });
  small.getContext('2d').putImageData(image, 0, 0);
  context.imageSmoothingEnabled = smooth;
  context.drawImage(small, x, y, width, height);
}

/** Draw anew when the size or the system's light or dark changes. */
export function onLookChange(elements, draw) {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  const observer = new ResizeObserver(draw);
  elements.forEach((element) => observer.observe(element));
}
