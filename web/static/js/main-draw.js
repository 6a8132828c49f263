/** The drawing page: choose a network, draw, and see what it sees, thinks and answers. */

import { createAnnouncer } from './announcer.js';
import { prepare, SIDE, STYLES } from './centring.js';
import { LayersView } from './layers-view.js';
import { fetchBundle, fetchKinds, readOnServer } from './models-api.js';
import { networkOf, outputsOf } from './forward.js';
import { PadView } from './pad-view.js';
import { paintInk } from './pictures.js';
import { ReadingView } from './reading-view.js';
import { bindTheme } from './theme.js';

const SERVER_MS = 120; // between two drawings that the server is asked about
const NOTHING = { shape: [SIDE, SIDE], data: new Float32Array(SIDE * SIDE) };
const NOUNS = { digits: 'digit', letters: 'letter' };

const byId = (id) => document.getElementById(id);

const announce = createAnnouncer(byId('spoken'));
const readingView = new ReadingView();
const layersView = new LayersView();
const pad = new PadView(byId('pad'), look);

let kinds = {};
let kind = 'digits';
let model = null; // which network, as of /api/models
let network = null; // the same to run in the page; null where only the server can, undefined while it is loading
let samples = null;
let next = 0; // the example to show
let asked = null; // of the server: an AbortController
let isWaiting = false; // for the next frame
let timer = null;

/** Look at the drawing, once a frame at most. */
function look() {
  for (const id of ['undo', 'clear']) byId(id).disabled = pad.isEmpty;
  byId('hint').hidden = !pad.isEmpty;
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    read(prepare(pad.read(), STYLES[kind]));
  });
}

/** Read an image, here or on the server; null where nothing is drawn. */
function read(image) {
  paintInk(byId('seen'), image ?? NOTHING);
  clearTimeout(timer);
  asked?.abort();
  if (!image || network === undefined) {
    show(null, null);
  } else if (byId('where').value === 'page') {
    const start = performance.now();
    const outputs = outputsOf(network, image);
    show(Array.from(outputs.at(-1).data), outputs);
    byId('took').textContent = `Read in this page in ${(performance.now() - start).toFixed(1)} ms.`;
  } else {
    timer = setTimeout(() => ask(image), SERVER_MS);
  }
}

async function ask(image) {
  asked = new AbortController();
  const start = performance.now();
  try {
    show(await readOnServer(kind, model, image, asked.signal), null);
    byId('took').textContent = `Read on the server in ${(performance.now() - start).toFixed(0)} ms, the way there and back included.`;
    showError(null);
  } catch (error) {
    if (error.name !== 'AbortError') showError(error);
  }
}

function show(probabilities, outputs) {
  announce(readingView.show(probabilities) || null);
  layersView.show(network, outputs);
  if (!probabilities) byId('took').textContent = '';
}

function showError(error) {
  byId('error').hidden = error === null;
  if (error === null) return;
  byId('error-title').textContent = error.title ?? 'Something went wrong.';
  byId('error-detail').textContent = error.detail ?? error.message;
}

/** Put the next example of the chosen class on the pad. */
function showExample() {
  const { images, labels } = samples.arrays;
  const wanted = byId('example-class').value;
  const n = labels.data.length;
  const indices = [...labels.data.keys()].filter((i) => wanted === '' || labels.data[i] === Number(wanted));
  // Of any class: a class after the other, as each has equally many in a row.
  const step = wanted === '' ? Math.max(1, Math.round(n / samples.header.classes.length)) : 1;
  const index = indices[(next * step + Math.floor((next * step) / indices.length)) % indices.length];
  next += 1;
  const data = Float32Array.from(images.data.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE), (x) => x / 255);
  pad.show({ shape: [SIDE, SIDE], data });
}

const optionOf = (value, text) => Object.assign(document.createElement('option'), { value, textContent: text });

function inWords({ model: name, accuracy, run }) {
  const right = accuracy === null ? '' : `, ${(100 * accuracy).toFixed(1)} % right`;
  return `${{ conv: 'convolutional', mlp: 'fully connected', nielsen: 'sigmoid' }[name] ?? name}${right} (${run})`;
}

/** Choose what is to be read: digits or letters. */
async function chooseKind(name) {
  kind = name;
  history.replaceState(null, '', kind === 'digits' ? location.pathname : `?read=${kind}`);
  const { models, title, command } = kinds[kind];
  byId('title').textContent = `Draw a ${NOUNS[kind]}`;
  byId('hint').textContent = `Draw a ${NOUNS[kind]} here`;
  for (const button of byId('kind').querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String(button.value === kind));
  }
  byId('missing').hidden = models.length > 0;
  byId('missing-title').textContent = `There is no ${title} here yet.`;
  byId('missing-command').textContent = command;
  byId('demo').hidden = models.length === 0;
  if (models.length === 0) return;
  byId('network').replaceChildren(...models.map((each) => optionOf(each.run, inWords(each))));
  byId('example').disabled = true;
  await chooseModel(models[0]);
  const loaded = await fetchBundle(name, 'samples', models[0]);
  if (kind !== name) return; // chosen otherwise meanwhile
  samples = loaded;
  next = 0;
  byId('example').disabled = false;
  const { classes, source } = samples.header;
  byId('example-class').replaceChildren(optionOf('', 'any'), ...classes.map((each, i) => optionOf(i, each)));
  byId('source').textContent = source === 'generated' ? 'The examples are generated.' : `The examples are ${source}, which the network has never seen.`;
}

async function chooseModel(chosen) {
  model = chosen;
  network = undefined;
  readingView.begin(model.classes);
  let loaded = null;
  try {
    loaded = networkOf(await fetchBundle(kind, 'weights', model));
  } catch (error) {
    if (error.status === 404) throw error; // the server can read what the page cannot, but not what is gone
  }
  if (model !== chosen) return;
  network = loaded;
  const where = byId('where');
  if (network !== null && where.options[0].disabled) where.value = 'page'; // nobody had chosen the server
  where.options[0].disabled = network === null;
  if (network === null) where.value = 'server';
  look();
}

/** Do what may fail, and say so on the page. */
function trying(work) {
  return async (...values) => {
    showError(null);
    try {
      await work(...values);
    } catch (error) {
      showError(error);
    }
  };
}

function bindControls() {
  byId('clear').addEventListener('click', () => pad.clear());
  byId('undo').addEventListener('click', () => pad.undo());
  byId('example').addEventListener('click', showExample);
  byId('example-class').addEventListener('change', () => { next = 0; });
  byId('where').addEventListener('change', look);
  byId('network').addEventListener('change', trying(({ target }) => chooseModel(kinds[kind].models[target.selectedIndex])));
  for (const button of byId('kind').querySelectorAll('button')) {
    button.addEventListener('click', trying(async () => {
      pad.clear();
      await chooseKind(button.value);
    }));
  }
}

async function main() {
  bindTheme(byId('theme'));
  bindControls();
  await trying(async () => {
    kinds = await fetchKinds();
    const wanted = new URLSearchParams(location.search).get('read');
    await chooseKind(Object.hasOwn(NOUNS, wanted) ? wanted : 'digits');
  })();
  document.documentElement.dataset.ready = '1';
}

main();
