/** The trained models of the server. Every failure is an ApiError with words fit for the page. */

import { ApiError, problemOf } from './api.js';
import { unpack } from './bundle.js';

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError('The server cannot be reached.', 'Check the connection and try again.');
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

const pathOf = (kind, what, { run, version }) => `/api/models/${kind}/${what}?${new URLSearchParams({ run, version })}`;

/** Every kind of model by name: `{kind, title, command, models: [{run, model, classes, accuracy, version}]}`. */
export async function fetchKinds() {
  const { kinds } = await (await answer('/api/models')).json();
  return Object.fromEntries(kinds.map((kind) => [kind.kind, kind]));
}

/** The `weights` of a model, or `samples` to try it with, as a bundle. */
export async function fetchBundle(kind, what, model) {
  return unpack(await (await answer(pathOf(kind, what, model))).arrayBuffer());
}

/** What a network on the server makes of an image: the probability of each class. */
export async function readOnServer(kind, { run }, { data }, signal) {
  const pixels = Array.from(data, (ink) => Math.round(255 * ink));
  const response = await answer(`/api/models/${kind}/predict?${new URLSearchParams({ run })}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ pixels }),
    signal,
  });
  return (await response.json()).probabilities;
}
