/** The settings of the chosen runs side by side, and their curves as tables: one row for some of the lines. */

import { columnOf, formatSeconds, formatValue, inWords } from './charts.js';
import { AXES, axisValues, spread } from './curves.js';
import { compared } from './run-settings.js';
import { formatNumber } from './words.js';

const ROWS = 15;

function cell(kind, text, scope) {
  const element = document.createElement(kind);
  element.textContent = text;
  if (scope) element.scope = scope;
  return element;
}

function rowOf(...cells) {
  const row = document.createElement('tr');
  row.append(...cells);
  return row;
}

/** @param {object[]} runs the chosen ones, loaded */
export function showSettings(runs) {
  const table = document.querySelector('#settings table');
  table.tHead.replaceChildren(rowOf(cell('td', ''), ...runs.map((run) => cell('th', run.name, 'col'))));
  table.tBodies[0].replaceChildren(...compared(runs).map(({ name, values, differs }) => {
    const row = rowOf(cell('th', name, 'row'), ...values.map((value) => cell('td', value ?? '–')));
    row.classList.toggle('differs', differs);
    return row;
  }));
}

function tableOf(run, charts) {
  const axes = AXES.filter((axis) => axisValues(run, axis));
  const places = axes.map((axis) => axisValues(run, axis));
  const shown = charts.filter((chart) => columnOf(chart, run));
  const table = document.createElement('table');
  table.append(cell('caption', run.name));
  const head = [...axes.map(inWords), ...shown.map(({ title }) => title)];
  table.createTHead().append(rowOf(...head.map((title) => cell('th', title, 'col'))));
  table.createTBody().append(...spread(run.n_lines.length, ROWS).map((i) => rowOf(
    ...axes.map((axis, a) => {
      const text = axis === 'time' ? formatSeconds(places[a][i]) : formatNumber(places[a][i]);
      return a === 0 ? cell('th', text, 'row') : cell('td', text);
    }),
    ...shown.map((chart) => {
      const value = run.columns[columnOf(chart, run)][i];
      return cell('td', value === null ? '–' : formatValue(value, chart.percent));
    }),
  )));
  return table;
}

/** Put a table a run into the page; its box, which may have the focus, stays. */
export function showFigures(runs, charts) {
  const box = document.getElementById('tables');
  while (box.children.length > runs.length) box.lastChild.remove();
  runs.forEach((run, i) => {
    const region = box.children[i] ?? box.appendChild(document.createElement('div'));
    region.className = 'scrolls';
    region.tabIndex = 0;
    region.role = 'region';
    region.ariaLabel = `Curves of ${run.name}`;
    region.replaceChildren(tableOf(run, charts));
  });
}
