'use strict';
// A remote for one room: Socket.IO 5 (Engine.IO 4) over one WebSocket, by the events of the server's contract.

const words = JSON.parse(document.getElementById('words').textContent);
const element = (id) => document.getElementById(id);
const keeper = `sharestream-remote-${words.code}`;
const MEMORY = 100, PROBE_EVERY = 10_000, DRAW_EVERY = 500, SEEK_AFTER = 250, JUMP = 10, RETRY_MAX = 15_000;

/** What this browser keeps of the room: the name, the public id, the secret that brings its place back. */
let me = { name: '', id: null, token: null };
try { me = { ...me, ...JSON.parse(localStorage.getItem(keeper)) }; } catch { /* a browser that keeps nothing */ }
if (!me.name) try { me.name = localStorage.getItem('sharestream-name') || ''; } catch { /* the same */ }
// Whoever reads the ticket off the screen comes in under it, once. It does not stay in the address, which people pass on.
const ticket = /^#t=([\w-]{8,64})$/.exec(location.hash);
if (ticket) {
  Object.assign(me, { id: `remote-${ticket[1]}`, token: null });
  history.replaceState(null, '', location.pathname);
}
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
me.id ??= `remote-${random()}`;

let socket = null, wanted = false, inside = false, failures = 0, deadline = 0, patience = 45_000, retry = 0;
let role = 'viewer', control = 'host', chosen = [], people = new Map();
let anchor = null, waitingOn = [], film = null, duration = null;
let clock = null, probes = 0, actions = 0;
let dragging = false, target = null, seekTimer = 0;

function keep() {
  try {
    localStorage.setItem(keeper, JSON.stringify(me));
    localStorage.setItem('sharestream-name', me.name);
  } catch { /* it is asked again next time */ }
}

// The line.

function connect() {
  clearTimeout(retry);
  const base = location.pathname.replace(/\/j\/[^/]*\/remote\/?$/, '');
  socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}${base}/socket.io/?EIO=4&transport=websocket`);
  deadline = Date.now() + patience;
  const mine = socket;
  socket.onmessage = ({ data }) => { if (mine === socket) heard(String(data)); };
  socket.onclose = () => { if (mine === socket) lost(); };
}

function heard(data) {
  deadline = Date.now() + patience;
  if (data[0] === '0') {
    const open = JSON.parse(data.slice(1));
    patience = open.pingInterval + open.pingTimeout;
    socket.send('40');
  } else if (data === '2') {
    socket.send('3');
  } else if (data.startsWith('40')) {
    greet();
  } else if (data.startsWith('42')) {
    const [name, told] = JSON.parse(data.slice(data.indexOf('[')));
    if (Object.hasOwn(on, name)) { on[name](told ?? {}); draw(); }
  } else if (/^(1|41|44)/.test(data)) {
    socket.close();
  }
}

function say(name, what = {}) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(`42${JSON.stringify([name, what])}`);
  return true;
}

function greet() {
  const token = me.token ? { sessionToken: me.token } : {};
  say('join-room', { code: words.code, participantId: me.id, name: me.name, capabilities: { version: 1, sync: 2, remote: true }, ...token });
}

function lost() {
  socket = null;
  inside = false;
  if (!wanted) return;
  const pause = Math.min(RETRY_MAX, 500 * 2 ** failures++) * (0.75 + Math.random() / 2);
  retry = setTimeout(connect, pause);
  draw();
}

/** Whoever looks at it again, or has a network again, does not wait. */
function again() {
  if (!wanted || document.hidden) return;
  if (!socket) connect();
  else if (Date.now() > deadline) drop();
  else if (inside) probe();
}

function drop() {
  const old = socket;
  socket = null;
  old?.close();
  lost();
}

/** It is over, and said why; the name can be entered anew. */
function end(why) {
  wanted = inside = false;
  clearTimeout(retry);
  socket?.close();
  socket = null;
  [anchor, film, duration, waitingOn, people] = [null, null, null, [], new Map()];
  element('chat').replaceChildren();
  element('told').textContent = '';
  element('why').textContent = why;
  draw();
}
