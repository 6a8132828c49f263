/** Questions that the page asks. */

const byId = (id) => document.getElementById(id);

/** Show a dialog until it is closed; its return value, '' where it was called off. */
function ask(dialog) {
  dialog.returnValue = '';
  for (const button of dialog.querySelectorAll('[data-close]')) button.onclick = () => dialog.close('');
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true });
  });
}

/** Ask for the server's token; '' where nobody knows it. */
export async function askForToken(wrong) {
  const dialog = byId('token-dialog');
  const field = byId('token');
  byId('token-wrong').hidden = !wrong;
  field.value = '';
  let given = '';
  dialog.querySelector('form').onsubmit = () => { given = field.value; };
  await ask(dialog);
  field.value = '';
  return given;
}

/** Ask whether a game may be deleted. */
export async function askToDelete(words) {
  byId('delete-what').textContent = words;
  return (await ask(byId('delete-dialog'))) === 'delete';
}
