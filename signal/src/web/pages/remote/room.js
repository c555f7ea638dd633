// What the server says.

const on = {
  'room-joined'(told) {
    if (!told.success) return refused(told);
    const { room } = told;
    [inside, failures] = [true, 0];
    [role, control, chosen] = [room.role, room.controlMode, room.chosen ?? []];
    Object.assign(me, { id: told.participantId ?? me.id, token: told.sessionToken ?? me.token });
    keep();
    // It has no player: nobody waits for it.
    say('set-spectating', { on: true });
    say('watch-reports', { on: false });
    [clock, anchor] = [null, null];
    probe();
    everybody(room.participants);
  },
  'session-token'(told) { me.token = told.sessionToken; keep(); },
  'participant-list'(told) { everybody(told.participants); },
  'participant-joined': somebody,
  'participant-updated': somebody,
  'participant-left'(told) { people.delete(told.id); },
  'host-changed'(told) {
    for (const person of people.values()) if (person.role === 'host' && person.id !== told.id) person.role = 'cohost';
    if (people.has(told.id)) somebody({ ...people.get(told.id), role: 'host' });
  },
  'room-updated'(told) { [control, chosen] = [told.controlMode, told.participants ?? told.chosen ?? []]; },
  'room-closing'(told) { if (told.in === 0) end(words.ended); else note(words.closing); },
  'torrent-magnet'(told) { film = told.name || film || words.film; },
  'movie-loaded'(told) { film = told.name || film; duration = told.duration ?? duration; },
  'media-cleared'() { [film, duration, anchor, waitingOn] = [null, null, null, []]; },
  'playback-snapshot'({ playback }) {
    waitingOn = playback.waitingOn ?? [];
    duration = playback.duration ?? duration;
    const state = playback.type === 'play' ? 'playing' : waitingOn.length ? 'waiting' : 'paused';
    move(playback, state, playback.at);
  },
  'room-state'(told) { waitingOn = told.waitingOn ?? []; move(told, told.state, told.at); },
  'sync-play'(told) { waitingOn = []; move(told, 'playing', told.timestamp); },
  'sync-pause'(told) { waitingOn = []; move(told, 'paused', told.timestamp); },
  'sync-seek'(told) { move(told, told.startAt != null ? 'playing' : anchor?.state === 'waiting' ? 'waiting' : 'paused', told.timestamp); },
  'sync-check'(told) {
    if (told.n === undefined) return;
    const delay = Date.now() - told.t0;
    if (!clock || delay <= clock.delay + 50) clock = { delay, ahead: told.timestamp + delay / 2 - Date.now() };
  },
  'chat-history'(told) { element('chat').replaceChildren(); told.messages.forEach(line); },
  'chat-message': line,
  error(told) {
    if (told.code === 'S007') return end(words.refused.S007);
    // What was asked for does not come.
    target = null;
    note(told.code === 'S008' ? words.refused.S008 : `${told.message} (${told.code})`);
  },
};

function refused(told) {
  if (told.code === 'S010' || told.code === 'S012') {
    failures = Math.max(failures, 3);
    return drop();
  }
  if (told.code === 'S002' && me.token) {
    // The server does not know its own token any more; the room may be there all the same.
    me.token = null;
    return greet();
  }
  me.token = null;
  keep();
  end(words.refused[told.code] ?? `${told.message} (${told.code})`);
}

function everybody(list) {
  people = new Map(list.map((person) => [person.id, person]));
  role = people.get(me.id)?.role ?? role;
}

function somebody(person) {
  people.set(person.id, person);
  if (person.id === me.id) role = person.role;
}

function move(told, state, at) {
  const order = (one) => [one.epoch ?? 0, one.seq ?? 0];
  const [epoch, seq] = order(told);
  if (anchor && (epoch < anchor.epoch || (epoch === anchor.epoch && seq < anchor.seq))) return;
  if (!clock && told.timestamp) clock = { delay: Infinity, ahead: told.timestamp - Date.now() };
  anchor = { epoch, seq, state, position: told.time, at: (state === 'playing' ? told.startAt : null) ?? at ?? now(), rate: told.rate ?? anchor?.rate ?? 1 };
  target = null;
}

function probe() { say('sync-check', { roomCode: words.code, t0: Date.now(), n: probes++ }); }

// Where the film is, and what is wanted of it.

const now = () => Date.now() + (clock?.ahead ?? 0);

function position() {
  if (!anchor) return 0;
  const passed = anchor.state === 'playing' ? Math.max(0, now() - anchor.at) / 1000 * anchor.rate : 0;
  return within(anchor.position + passed);
}

const within = (seconds) => Math.max(0, Math.min(seconds, duration ?? Infinity));
const may = () => role !== 'viewer' || control === 'everyone' || (control === 'chosen' && chosen.includes(me.id));
const action = () => `${me.id}-${Date.now().toString(36)}-${actions++}`;

function command(name, time) {
  note('');
  if (!say(name, { time: Math.round(within(time) * 1000) / 1000, actionId: action() })) note(words.lost);
}

/** Several taps in a row are one seek. */
function seekSoon(to) {
  target = within(to);
  clearTimeout(seekTimer);
  seekTimer = setTimeout(() => { if (target !== null) command('sync-seek', target); }, SEEK_AFTER);
  draw();
}
