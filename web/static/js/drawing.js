/** A drawing: an image to begin with, and strokes on it. Plain data, no DOM. */

export const EMPTY = { image: null, strokes: [] };

/** @param {[number, number]} point in pixels of the pad */
export function began(drawing, point) {
  return { ...drawing, strokes: [...drawing.strokes, [point]] };
}

/** The last stroke goes on. */
export function continued(drawing, point) {
  return { ...drawing, strokes: [...drawing.strokes.slice(0, -1), [...drawing.strokes.at(-1), point]] };
}

/** Without the last stroke; without the image if there was none. */
export function undone(drawing) {
  return drawing.strokes.length ? { ...drawing, strokes: drawing.strokes.slice(0, -1) } : EMPTY;
}

/** Nothing but an image `{shape: [height, width], data}`, ink from 0 to 1. */
export const begunWith = (image) => ({ image, strokes: [] });

export const isEmpty = (drawing) => drawing.image === null && drawing.strokes.length === 0;
