/** A form's settings as the query of a request and as a part of the address, there and back. */

/** The settings of a form as the query of a request. */
export function queryOf(form) {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
}

/** Let the form say what the address says, as far as it can. */
export function fill(form, query) {
  for (const [name, value] of query) {
    const field = form.elements.namedItem(name);
    if (!field) continue;
    const before = field.value;
    field.value = value;
    if (field.value === '' || !field.checkValidity()) field.value = before; // an option that there is not
  }
}

/** Another seed, short enough to be told to others. */
export const anySeed = () => Math.floor(Math.random() * 1000);
