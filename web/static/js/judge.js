/** The analysis of a game as it comes from the server: starts it, follows it, tells all who show it. */

import { addValues, createAnalysis, decodeValues } from './analysis.js';
import { fetchAnalyses, fetchPlayers, gamePath } from './api.js';
import { openEvents } from './events.js';
import { formatNumber } from './words.js';

/**
 * @param {object} game a decoded record
 * @param {JudgeView} view
 * @param {(analysis: object | null) => void} onChange whenever more is known
 * @returns {{open: () => Promise<void>, start: Function, stop: () => void}}
 */
export function createJudge(game, view, onChange) {
  const positions = game.length + 1;
  let stream = null;
  let analysis = null;

  function stop(words) {
    stream?.close();
    stream = null;
    view.showEnd(words ?? `Stopped after ${formatNumber(analysis.done)} of ${formatNumber(positions)} positions.`);
  }

  function listen({ name, data }) {
    if (name === 'values') {
      addValues(analysis, game, data.from, decodeValues(data.values), data.unit);
      view.showProgress(analysis.done, positions);
      onChange(analysis);
    } else if (name === 'problem') {
      stop(`${data.title} ${data.detail}`);
    } else if (name === 'end') {
      stop(positions === 1 ? 'The only position is judged.' : `All ${formatNumber(positions)} positions are judged.`);
    }
  }

  function start(player, depth) {
    stream?.close();
    analysis = createAnalysis(game.length);
    onChange(analysis);
    view.showStart({ player, depth });
    stream = openEvents(`${gamePath(game.id)}/analysis?${new URLSearchParams({ player, depth })}`, {
      onEvent: listen,
      onEnd: (error) => { if (stream !== null) stop(error?.message ?? 'The analysis stopped.'); },
    });
  }

  /** Offer the players; where the game is analysed already, show the newest analysis. */
  async function open() {
    try {
      const [{ players }, { analyses }] = await Promise.all([fetchPlayers(), fetchAnalyses(game.id)]);
      view.offer(players);
      const kept = analyses.find(({ complete }) => complete);
      if (kept) start(kept.player, kept.depth);
    } catch (error) {
      view.showEnd(error.message);
    }
  }

  return { open, start, stop };
}
