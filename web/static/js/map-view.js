/** The map of a latent space: where the images lie, the way between two of them, and a ring to drag. */

const CLASS_COLOURS = [
  '#4e79a7', '#c2571a', '#d1495b', '#2a9d8f', '#4c9a3f', '#a3861d', '#9467bd', '#b8497f', '#8c6d55', '#7a7a7a',
];
const RING = 14;

export class MapView {
  #canvas;
  #context;
  #places = [];
  #labels = [];
  #classes = [];
  #images = document.createElement('canvas'); // drawn once: the ring is dragged over them
  #way = null; // [place, place]
  #at = [0.5, 0.5];
  #backdrop = null; // a canvas

  /** @param {(place: [number, number]) => void} moved called with the place that the ring is dragged to */
  constructor(canvas, moved) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    let pointer = null;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      pointer = event.pointerId;
      canvas.setPointerCapture(pointer);
      moved(this.#placeOf(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerId === pointer) moved(this.#placeOf(event));
    });
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, () => { pointer = null; });
  }

  /** @param {[number, number][]} places of the images, from 0 to 1, y upwards */
  begin(places, labels, classes) {
    [this.#places, this.#labels, this.#classes] = [places, labels, classes];
    this.#drawImages();
  }

  /** Put pictures of what is drawn everywhere behind the map; null takes them away. */
  set backdrop(canvas) {
    this.#backdrop = canvas;
    this.draw();
  }

  show(way, at) {
    [this.#way, this.#at] = [way, at];
    this.draw();
  }

  draw() {
    const { width, height } = this.#canvas;
    const context = this.#context;
    const style = getComputedStyle(this.#canvas);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#backdrop ?? this.#images, 0, 0, width, height);
    this.#drawWay(this.#backdrop ? '#ffffff' : style.color);
  }

  /** Each image a dot, each class its name in the middle of them. */
  #drawImages() {
    const { width, height } = this.#canvas;
    const context = Object.assign(this.#images, { width, height }).getContext('2d');
    this.#places.forEach((place, i) => {
      context.fillStyle = CLASS_COLOURS[this.#labels[i] % CLASS_COLOURS.length];
      context.globalAlpha = 0.6;
      context.beginPath();
      context.arc(...this.#pixel(place), width / 120, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    Object.assign(context, { font: `bold ${width / 16}px sans-serif`, textAlign: 'center', textBaseline: 'middle' });
    this.#classes.forEach((name, label) => {
      const own = this.#places.filter((_, i) => this.#labels[i] === label);
      if (own.length === 0) return;
      const [x, y] = this.#pixel([0, 1].map((k) => own.reduce((sum, place) => sum + place[k], 0) / own.length));
      Object.assign(context, { lineWidth: width / 80, strokeStyle: '#ffffff', lineJoin: 'round' });
      context.strokeText(name, x, y);
      context.fillStyle = CLASS_COLOURS[label % CLASS_COLOURS.length];
      context.fillText(name, x, y);
    });
  }

  #drawWay(colour) {
    const context = this.#context;
    Object.assign(context, { strokeStyle: colour, lineWidth: 2, lineCap: 'round' });
    if (this.#way) {
      context.beginPath();
      context.moveTo(...this.#pixel(this.#way[0]));
      context.lineTo(...this.#pixel(this.#way[1]));
      context.setLineDash([6, 6]);
      context.stroke();
      context.setLineDash([]);
    }
    for (const [lineWidth, strokeStyle] of [[7, '#ffffff'], [3, '#1a1714']]) {
      Object.assign(context, { lineWidth, strokeStyle });
      context.beginPath();
      context.arc(...this.#pixel(this.#at), RING, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  #pixel([x, y]) {
    return [x * this.#canvas.width, (1 - y) * this.#canvas.height];
  }

  #placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [(clientX - left) / width, 1 - (clientY - top) / height].map((x) => Math.min(Math.max(x, 0), 1));
  }
}
