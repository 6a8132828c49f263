/** The latent explorer: an autoencoder and a VAE go from one digit to another. */

import { LatentPanel } from './latent-panel.js';
import { fetchBundle, fetchKinds } from './models-api.js';
import { paintInk } from './pictures.js';
import { bindTheme } from './theme.js';

const SIDE = 28;
const JOURNEY_MS = 3000;
const CLASSIC = { from: '2', to: '7' };

const byId = (id) => document.getElementById(id);

const panels = { autoencoder: new LatentPanel('Autoencoder'), vae: new LatentPanel('Variational autoencoder') };
const nth = { from: 0, to: 0 }; // which image of its class
let ready = []; // the panels that have a model
let start = null; // of the journey, ms; null while it stands still

/** The index of the image at an end of the way, among those of a panel: models of other data have other images. */
function chosen(end, { images }) {
  const own = images[byId(end).selectedIndex];
  return own[nth[end] % own.length];
}

function choose() {
  const [first] = ready;
  const { data } = first.samples.arrays.images;
  for (const end of ['from', 'to']) {
    const at = chosen(end, first) * SIDE * SIDE;
    paintInk(byId(`${end}-picture`), { shape: [SIDE, SIDE], data: data.subarray(at, at + SIDE * SIDE) }, 255);
  }
  for (const panel of ready) panel.choose(chosen('from', panel), chosen('to', panel));
  go(0);
}

function go(t) {
  byId('t').value = Math.round(100 * t);
  byId('t-text').textContent = `${Math.round(100 * t)} %`;
  for (const panel of ready) panel.go(t);
}

function step(now) {
  if (start === null) return;
  const t = Math.min((now - start) / JOURNEY_MS, 1);
  go(t);
  if (t < 1) requestAnimationFrame(step);
  else stop();
}

function stop() {
  start = null;
  byId('play').textContent = 'Play';
}

function play() {
  if (start !== null) {
    stop();
    return;
  }
  const t = byId('t').valueAsNumber / 100;
  start = performance.now() - (t < 1 ? t : 0) * JOURNEY_MS;
  byId('play').textContent = 'Pause';
  requestAnimationFrame(step);
}

function bindControls() {
  for (const end of ['from', 'to']) {
    byId(end).addEventListener('change', () => {
      stop();
      nth[end] = 0;
      choose();
    });
    byId(`${end}-other`).addEventListener('click', () => {
      stop();
      nth[end] += 1;
      choose();
    });
  }
  byId('t').addEventListener('input', ({ target }) => {
    stop();
    go(target.valueAsNumber / 100);
  });
  byId('play').addEventListener('click', play);
  byId('everywhere').addEventListener('change', ({ target }) => {
    for (const panel of ready) panel.showEverywhere(target.checked);
  });
}

/** Where the images are from: one source, or another for the second model. */
function sourcesInWords(sources) {
  if (sources.length === 1) return `The images are ${sources[0]}.`;
  return `The images of the autoencoder are ${sources[0]}, those of the VAE ${sources[1]}: the models learned from other data.`;
}

function showError(error) {
  byId('error-title').textContent = error.title ?? 'Something went wrong.';
  byId('error-detail').textContent = error.detail ?? error.message;
  byId('error').hidden = false;
}

async function load(name, { models, command }) {
  if (models.length === 0) {
    panels[name].showMissing(command);
    return;
  }
  const [weights, samples] = await Promise.all(['weights', 'samples'].map((what) => fetchBundle(name, what, models[0])));
  panels[name].begin(weights, samples);
}

function begin() {
  ready = Object.values(panels).filter((panel) => panel.isReady);
  byId('journey').hidden = byId('notes').hidden = ready.length === 0;
  if (ready.length === 0) return;
  const { header } = ready[0].samples;
  for (const end of ['from', 'to']) {
    const options = header.classes.map((name) => Object.assign(document.createElement('option'), { textContent: name }));
    byId(end).replaceChildren(...options);
    byId(end).selectedIndex = header.classes.indexOf(CLASSIC[end]);
  }
  byId('source').textContent = sourcesInWords([...new Set(ready.map(({ samples }) => samples.header.source))]);
  choose();
}

async function main() {
  bindTheme(byId('theme'));
  bindControls();
  byId('models').append(...Object.values(panels).map((panel) => panel.root));
  try {
    const kinds = await fetchKinds();
    const loads = Object.keys(panels).map((name) => load(name, kinds[name]));
    for (const { reason } of await Promise.allSettled(loads)) if (reason) showError(reason); // one works without the other
  } catch (error) {
    showError(error);
  }
  begin();
  document.documentElement.dataset.ready = '1';
}

main();
