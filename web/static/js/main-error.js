/** The page that says what went wrong. */

import { bindTheme } from './theme.js';

bindTheme(document.getElementById('theme'));
document.documentElement.dataset.ready = '1';
