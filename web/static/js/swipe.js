/** Swipes: a touch that moves far enough in one direction. */

const MIN_DISTANCE = 10; // px, as in the original game

/** The direction of a movement: 0 up, 1 right, 2 down, 3 left; null if it is too short. */
export function directionOf(dx, dy) {
  if (Math.max(Math.abs(dx), Math.abs(dy)) <= MIN_DISTANCE) return null;
  if (Math.abs(dx) > Math.abs(dy)) return dx > 0 ? 1 : 3;
  return dy > 0 ? 2 : 0;
}

/** Call `onSwipe(direction)` when a finger has swiped over an element. What the browser scrolls by is for CSS to say. */
export function bindSwipe(element, onSwipe) {
  let start = null;
  element.addEventListener('touchstart', ({ touches }) => {
    start = touches.length === 1 ? { x: touches[0].clientX, y: touches[0].clientY } : null;
  }, { passive: true });
  element.addEventListener('touchend', ({ changedTouches: [touch] }) => {
    const direction = start && directionOf(touch.clientX - start.x, touch.clientY - start.y);
    start = null;
    if (direction !== null) onSwipe(direction);
  }, { passive: true });
  element.addEventListener('touchcancel', () => { start = null; }, { passive: true });
}
