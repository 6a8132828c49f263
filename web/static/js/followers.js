/** What follows the ply besides board and panel: graph, values of the moves, arrows, milestone, links. */

import { expectationsOf, findMistake, movesAt } from './analysis.js';
import { ArrowsView } from './arrows-view.js';
import { GraphView } from './graph-view.js';
import { largestExponents, milestonesOf, nextMilestone, previousMilestone } from './milestones.js';
import { MovesView, movesInWords } from './moves-view.js';
import { positionAt } from './record.js';
import { load } from './settings.js';
import { SummaryView } from './summary-view.js';

const UNITS = {
  points: 'Points still to come after each move, by the judge’s estimate, and what is lost against the best one.',
  return: 'What the judge’s network expects after each move, and what is lost against the best one.',
};

const byId = (id) => document.getElementById(id);

export class Followers {
  #game;
  #milestones;
  #graph;
  #summary;
  #moves = new MovesView(byId('judgements'));
  #arrows = new ArrowsView(byId('arrows'));
  #analysis = null;
  #ply = 0;

  constructor(game, seek) {
    const largest = largestExponents(game);
    this.#game = game;
    this.#milestones = milestonesOf(largest);
    this.#graph = new GraphView(byId('graph'), game, largest, this.#milestones, seek);
    this.#summary = new SummaryView(byId('summary'), game, this.#milestones, seek);
    byId('show-arrows').checked = load('arrows', 'on') === 'on';
  }

  show({ ply, next }) {
    this.#ply = ply;
    this.#graph.show({ ply });
    byId('continue').href = `/play?game=${this.#game.id}&ply=${ply}`;
    this.#showMilestone(nextMilestone(this.#milestones, ply));
    if (this.#analysis === null) return;
    const moves = movesAt(this.#analysis, ply);
    this.#moves.show(moves, next, this.#analysis.unit);
    this.#arrows.show(byId('show-arrows').checked ? moves : null, next);
    for (const [id, by] of [['mistake', 1], ['mistake-back', -1]]) {
      byId(id).setAttribute('aria-disabled', String(findMistake(this.#analysis, ply, by) === null));
    }
  }

  showAnalysis(analysis) {
    this.#analysis = analysis;
    byId('judgements').hidden = false;
    byId('unit').textContent = UNITS[analysis.unit] ?? '';
    this.#graph.showAnalysis(analysis, expectationsOf(analysis, this.#game));
    this.#summary.showAnalysis(analysis);
    this.refresh();
  }

  refresh() {
    this.show(positionAt(this.#game, this.#ply));
  }

  /** The ply that a command of the page leads to, null if it is none of these or leads nowhere. */
  target(command) {
    switch (command) {
      case 'milestone': return nextMilestone(this.#milestones, this.#ply)?.ply ?? null;
      case 'milestoneBack': return previousMilestone(this.#milestones, this.#ply)?.ply ?? null;
      case 'mistake': return this.#analysis && findMistake(this.#analysis, this.#ply, 1);
      case 'mistakeBack': return this.#analysis && findMistake(this.#analysis, this.#ply, -1);
      default: return null;
    }
  }

  /** What the judge thinks, for screen readers. */
  inWords() {
    const moves = this.#analysis && movesAt(this.#analysis, this.#ply);
    return moves ? movesInWords(moves, positionAt(this.#game, this.#ply).next, this.#analysis.unit) : '';
  }

  #showMilestone(milestone) {
    const button = byId('milestone');
    button.setAttribute('aria-disabled', String(milestone === undefined));
    button.setAttribute('aria-label', milestone ? `To the first ${milestone.tile}` : 'No milestone to come');
    const chip = document.createElement('span');
    chip.className = milestone ? `chip tile-${milestone.tile}` : 'chip none';
    chip.textContent = milestone?.tile ?? '–';
    button.replaceChildren('→', chip);
  }
}
