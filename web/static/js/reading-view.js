/** What a network makes of a drawing: its answer, and the probability of each class. */

const byId = (id) => document.getElementById(id);

/** A probability -> "98 %", "<1 %". */
const inWords = (p) => (p > 0 && p < 0.005 ? '<1 %' : `${Math.round(100 * p)} %`);

export class ReadingView {
  #classes = [];
  #rows = [];

  /** Make room for the classes of another network. */
  begin(classes) {
    this.#classes = classes;
    const row = byId('class-row').content.firstElementChild;
    this.#rows = classes.map((name) => {
      const item = row.cloneNode(true);
      item.querySelector('.name').textContent = name;
      return item;
    });
    byId('classes').replaceChildren(...this.#rows);
    byId('classes').classList.toggle('many', classes.length > 10);
    this.show(null);
  }

  /** @returns {string} the answer in words, for those who do not see it */
  show(probabilities) {
    const best = probabilities === null ? null : probabilities.indexOf(Math.max(...probabilities));
    this.#rows.forEach((item, i) => {
      const p = probabilities?.[i] ?? 0;
      item.classList.toggle('best', i === best);
      item.querySelector('.fill').style.width = `${100 * p}%`;
      item.querySelector('.share').textContent = probabilities === null ? '' : inWords(p);
    });
    byId('answer').textContent = best === null ? '?' : this.#classes[best];
    byId('sure').textContent = best === null ? 'Nothing drawn yet.' : `${inWords(probabilities[best])} sure`;
    return best === null ? '' : `Read as ${this.#classes[best]}, ${inWords(probabilities[best])} sure`;
  }
}
