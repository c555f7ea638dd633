// What is shown.

function clockTime(seconds) {
  const whole = Math.floor(seconds), two = (part) => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function write(id, text) { if (element(id).textContent !== text) element(id).textContent = text; }

function note(text) { write('told', text); }

function names(ids) { return ids.map((id) => people.get(id)?.name ?? '?').join(', '); }

function status() {
  if (!inside) return failures || !socket ? words.lost : words.connecting;
  if (!film) return words.noFilm;
  if (!anchor) return '';
  if (anchor.state === 'waiting') return waitingOn.length ? words.waitingFor.replace('{}', names(waitingOn)) : words.waiting;
  return anchor.state === 'playing' ? words.playing : words.paused;
}

function draw() {
  element('enter').hidden = wanted;
  element('room').hidden = !wanted;
  if (!wanted) return;
  const can = inside && Boolean(film) && may();
  const runs = anchor?.state === 'playing' || anchor?.state === 'waiting';
  write('film', film ?? words.room);
  write('state', status());
  const at = dragging ? Number(element('at').value) : target ?? position();
  write('now', clockTime(at));
  write('end', duration ? clockTime(duration) : '');
  const bar = element('at');
  bar.max = String(duration ?? 0);
  if (!dragging) bar.value = String(at);
  bar.setAttribute('aria-valuetext', duration ? words.of.replace('{}', clockTime(at)).replace('{}', clockTime(duration)) : clockTime(at));
  bar.disabled = !can || !duration;
  for (const id of ['back', 'play', 'ahead']) element(id).disabled = !can;
  element('play').dataset.runs = String(runs);
  element('play').setAttribute('aria-label', runs ? words.pause : words.play);
  element('anyway').hidden = !(can && anchor?.state === 'waiting');
  element('only').hidden = !inside || !film || may();
  element('send').disabled = !inside;
  drawPeople();
}

function drawPeople() {
  write('count', String(people.size));
  const rows = [...people.values()].map((person) => {
    const marks = [person.id === me.id ? words.you : '', words.roles[person.role] ?? '', person.away ? words.away : ''];
    return [person.name, marks.filter(Boolean).join(', ')];
  });
  const list = element('people');
  const shown = JSON.stringify(rows);
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...rows.map(([name, marks]) => row(name, marks)));
}

function line(told) {
  const chat = element('chat');
  const follows = chat.scrollTop + chat.clientHeight >= chat.scrollHeight - 40;
  chat.append(row(told.sender, told.text));
  while (chat.children.length > MEMORY) chat.firstChild.remove();
  if (follows) chat.scrollTop = chat.scrollHeight;
}

function row(name, text) {
  const [item, bold, rest] = ['li', 'b', 'span'].map((tag) => document.createElement(tag));
  [bold.dir, rest.dir] = ['auto', 'auto'];
  [bold.textContent, rest.textContent] = [name, text];
  item.append(bold, ' ', rest);
  return item;
}

// What the person does.

element('name').value = me.name;
element('enter').querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  me.name = element('name').value.trim();
  if (!me.name) return element('name').focus();
  keep();
  write('why', '');
  [wanted, failures] = [true, 0];
  connect();
  draw();
});
element('play').addEventListener('click', () => {
  command(element('play').dataset.runs === 'true' ? 'sync-pause' : 'sync-play', target ?? position());
});
element('back').addEventListener('click', () => seekSoon((target ?? position()) - JUMP));
element('ahead').addEventListener('click', () => seekSoon((target ?? position()) + JUMP));
element('at').addEventListener('input', () => { dragging = true; draw(); });
element('at').addEventListener('change', () => { dragging = false; seekSoon(Number(element('at').value)); });
element('anyway').addEventListener('click', () => say('start-anyway'));
element('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = element('text').value.trim();
  const moment = film && anchor ? { mediaTime: Math.round(position() * 1000) / 1000 } : {};
  if (text && say('chat-message', { text, clientId: action(), ...moment })) element('text').value = '';
});
element('leave').addEventListener('click', () => {
  say('leave-room');
  me.token = null;
  // The ticket is used up.
  me.id = `remote-${random()}`;
  keep();
  end('');
});
document.addEventListener('visibilitychange', again);
window.addEventListener('online', again);
setInterval(() => { if (wanted) { draw(); if (socket && Date.now() > deadline) drop(); } }, DRAW_EVERY);
setInterval(() => { if (inside) probe(); }, PROBE_EVERY);
element('start').disabled = false;
// Who was inside comes back by itself: phones throw pages away.
if (me.token) element('enter').querySelector('form').requestSubmit();
