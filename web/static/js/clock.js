/** The time as browsers tell it; modules take it as an argument, so that tests can bring their own. */
export const browserClock = {
  now: () => performance.now(),
  later: (action, ms) => setTimeout(action, ms),
  cancel: (timer) => clearTimeout(timer),
};
