import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { MAX_CHOSEN } from '../../web/static/js/selection.js';

const css = readFileSync(new URL('../../web/static/css/theme.css', import.meta.url), 'utf8');

/** WCAG 2 relative luminance of "#rrggbb". */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

const tiles = [...css.matchAll(/^\.tile-(\d+) \{ --face: (#\w{6}); --ink: (#\w{6}); \}/gm)]
  .map(([, value, face, ink]) => ({ value: Number(value), face, ink }));

/** `--name: light-dark(#aaaaaa, #bbbbbb)` or `--name: #aaaaaa`, for scheme 0 (light) or 1 (dark). */
function colour(name, scheme) {
  const [, light, dark = light] = new RegExp(`--${name}: (?:light-dark\\()?(#\\w{6})(?:, (#\\w{6})\\))?;`).exec(css);
  return [light, dark][scheme];
}

test('every tile from 2 to 131072 has a face of its own', () => {
  assert.deepEqual(tiles.map(({ value }) => value), Array.from({ length: 17 }, (_, i) => 2 ** (i + 1)));
  assert.equal(new Set(tiles.map(({ face }) => face)).size, 17);
});

for (const { value, face, ink } of tiles) {
  test(`the number on ${value} passes WCAG AA`, () => {
    assert.ok(contrast(face, ink) >= 4.5, `${contrast(face, ink).toFixed(2)}:1`);
  });
}

for (const [text, ground] of [
  ['text', 'page'], ['text', 'raised'], ['strong', 'page'], ['strong', 'raised'], ['link', 'page'],
  ['alert', 'raised'], ['on-button', 'button'], ['on-button', 'button-hover'],
]) {
  test(`${text} on ${ground} passes WCAG AA, light and dark`, () => {
    for (const scheme of [0, 1]) {
      const ratio = contrast(colour(text, scheme), colour(ground, scheme));
      assert.ok(ratio >= 4.5, `scheme ${scheme}: ${ratio.toFixed(2)}:1`);
    }
  });
}

test('the lines of runs stand out from the page, light and dark, each in a colour of its own', () => {
  const training = readFileSync(new URL('../../web/static/css/training.css', import.meta.url), 'utf8');
  const runs = [...training.matchAll(/^\.run-\d \{ --run: light-dark\((#\w{6}), (#\w{6})\); \}/gm)];

  assert.equal(runs.length, MAX_CHOSEN);
  for (const scheme of [0, 1]) {
    const colours = runs.map((match) => match[1 + scheme]);
    assert.equal(new Set(colours).size, MAX_CHOSEN);
    for (const hex of colours) assert.ok(contrast(hex, colour('page', scheme)) >= 3, hex);
  }
});

test('the focus ring and the buttons stand out from the page', () => {
  for (const scheme of [0, 1]) {
    assert.ok(contrast(colour('focus', scheme), colour('page', scheme)) >= 3);
    assert.ok(contrast(colour('button', scheme), colour('page', scheme)) >= 2.8);
  }
});
