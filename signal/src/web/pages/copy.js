'use strict';
// A sealed room's key stands behind # and never reaches the server, so only this page can pass it on.
if (/^#k=[\w%.~-]+$/.test(location.hash)) {
  for (const link of document.querySelectorAll('.open')) link.href += location.hash;
  for (const code of document.querySelectorAll('#link')) code.textContent += location.hash;
  // It leads to the room without its key.
  for (const picture of document.querySelectorAll('figure')) picture.remove();
}
for (const button of document.querySelectorAll('button')) {
  const text = document.getElementById(button.dataset.of);
  button.hidden = false;
  button.addEventListener('click', async () => {
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      // Pages without TLS have no clipboard of that kind.
      if (!document.execCommand('copy')) return;
    }
    button.textContent = button.dataset.done;
  });
}
