/** The settings of runs side by side. */

/** `{a: {b: 1}}` -> `[["a.b", "1"]]`: objects under dotted names, all else as JSON. */
export function flat(settings, prefix = '') {
  return Object.entries(settings ?? {}).flatMap(([key, value]) => {
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    if (isObject && Object.keys(value).length > 0) return flat(value, `${prefix}${key}.`);
    return [[prefix + key, typeof value === 'string' ? value : JSON.stringify(value)]];
  });
}

/** A row a setting: its value in every run, null where a run has none, and whether those that have one differ. */
export function compared(runs) {
  const maps = runs.map((run) => new Map(flat(run.settings)));
  const names = [...new Set(maps.flatMap((map) => [...map.keys()]))];
  return names.map((name) => {
    const values = maps.map((map) => map.get(name) ?? null);
    return { name, values, differs: new Set(values.filter((value) => value !== null)).size > 1 };
  });
}
