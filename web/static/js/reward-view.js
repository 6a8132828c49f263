/** The "+N" that floats off the score. */

const FLOAT = { opacity: [1, 0], translate: ['0 0', '0 -75px'] };

export class RewardView {
  #element;

  constructor(element) {
    this.#element = element;
  }

  float(reward) {
    this.drop();
    if (reward === 0) return;
    this.#element.textContent = `+${reward}`;
    const animation = this.#element.animate(FLOAT, { duration: 600, easing: 'ease-in' });
    animation.onfinish = () => this.drop();
  }

  /** Take it away at once. */
  drop() {
    this.#element.getAnimations().forEach((animation) => animation.cancel());
    this.#element.textContent = '';
  }
}
