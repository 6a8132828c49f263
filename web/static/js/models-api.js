/** The trained models of the server. Every failure is an ApiError with words fit for the page. */

import { ask } from './api.js';
import { unpack } from './bundle.js';

const pathOf = (kind, what, { run, version }) => `/api/models/${kind}/${what}?${new URLSearchParams({ run, version })}`;

/** Every kind of model by name: `{kind, title, command, models: [{run, model, classes, accuracy, version}]}`. */
export async function fetchKinds() {
  const { kinds } = await (await ask('/api/models')).json();
  return Object.fromEntries(kinds.map((kind) => [kind.kind, kind]));
}

/** The `weights` of a model, or `samples` to try it with, as a bundle. */
export async function fetchBundle(kind, what, model) {
  return unpack(await (await ask(pathOf(kind, what, model))).arrayBuffer());
}

/** What a network on the server makes of an image: the probability of each class. */
export async function readOnServer(kind, { run }, { data }, signal) {
  const pixels = Array.from(data, (ink) => Math.round(255 * ink));
  const response = await ask(`/api/models/${kind}/predict?${new URLSearchParams({ run })}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ pixels }),
    signal,
  });
  return (await response.json()).probabilities;
}
