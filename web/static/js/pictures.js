/** Images of numbers on a canvas, a pixel a number; the style sheet says how large they are shown. */

const POSITIVE = [120, 190, 255];
const NEGATIVE = [255, 140, 90];

function paint(canvas, { shape, data }, colourOf) {
  const [height, width] = shape.slice(-2);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const picture = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    if (!Number.isNaN(data[i])) picture.data.set(colourOf(data[i]), 4 * i); // else nothing is there: transparent
  }
  canvas.getContext('2d').putImageData(picture, 0, 0);
}

/** White on black, as the networks see it; `most` is what is white. */
export function paintInk(canvas, image, most = 1) {
  paint(canvas, image, (value) => {
    const grey = (255 * value) / (most || 1);
    return [grey, grey, grey, 255];
  });
}

/** Blue what speaks for, orange what speaks against, black what is indifferent. */
export function paintSigned(canvas, image) {
  const most = image.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  paint(canvas, image, (value) => {
    const strength = Math.abs(value) / most;
    return [...(value < 0 ? NEGATIVE : POSITIVE).map((part) => part * strength), 255];
  });
}
