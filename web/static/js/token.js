/** The server's token, kept for as long as the tab is open and no longer. */

const KEY = 'game2048.token';
let fallback = ''; // where the browser keeps nothing

export function token() {
  try {
    return sessionStorage.getItem(KEY) ?? fallback;
  } catch {
    return fallback;
  }
}

export function keepToken(text) {
  fallback = text;
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Then it lasts for this page.
  }
}
