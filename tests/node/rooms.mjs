// The official socket.io-client as two people who know only the plan's events: they host and join, play and seek, chat and
// signal a call. Arguments: the folder it was installed in, the server's URL, the transports with commas between.
// Prints what failed and exits 1, or exits 0.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const [folder, url, transports] = process.argv.slice(2)
const { io } = createRequire(folder + '/package.json')('socket.io-client')
const MAGNET = 'magnet:?xt=urn:btih:0123456789012345678901234567890123456789&dn=A%20Film'

class Person {
  constructor (name) {
    this.name = name
    this.heard = []
    this.waiting = []
    this.socket = io(url, { transports: transports.split(','), reconnection: false, forceNew: true })
    this.socket.onAny((event, payload) => {
      this.heard.push({ event, payload })
      this.waiting = this.waiting.filter((look) => !look())
    })
    // Right after CONNECT, before anything else could be done.
    this.socket.on('connect', () => this.socket.emit(...this.first))
  }

  say (event, payload) { this.socket.emit(event, payload) }

  ask (event, payload) { return this.socket.timeout(5000).emitWithAck(event, payload) }

  // The next event of that name, also one that has been heard already; each once.
  hear (event) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.name} never heard ${event}: ${JSON.stringify(this.heard)}`)), 8000)
      const look = () => {
        const at = this.heard.findIndex((one) => one.event === event)
        if (at < 0) return false
        clearTimeout(late)
        resolve(this.heard.splice(at, 1)[0].payload)
        return true
      }
      if (!look()) this.waiting.push(look)
    })
  }
}

async function main () {
  const host = new Person('host')
  host.first = ['create-room', { event: 'create-room', participantId: 'flutter_1', name: 'Host', capabilities: { nativePlayback: true }, requestedCode: 'MYROOM' + transports.length }]
  const created = await host.hear('room-created')
  assert.equal(created.success, true)
  assert.equal(created.room.role, 'host')
  assert.equal(created.room.host, 'flutter_1')
  assert.equal(created.peerId, host.socket.id, 'peerId is the id that the client has for itself')
  const code = created.room.code

  const guest = new Person('guest')
  guest.first = ['join-room', { code, participantId: 'flutter_2', name: 'Guest', capabilities: { nativePlayback: true } }]
  const joined = await guest.hear('room-joined')
  assert.equal(joined.success, true)
  assert.deepEqual([joined.room.code, joined.room.role], [code, 'viewer'])
  const list = await guest.hear('participant-list')
  assert.deepEqual(list.participants.map(({ id, name, role }) => [id, name, role]), [['flutter_1', 'Host', 'host'], ['flutter_2', 'Guest', 'viewer']])
  assert.deepEqual((await guest.hear('playback-snapshot')).playback.time, 0)
  const arrived = await host.hear('participant-joined')
  assert.deepEqual([arrived.id, arrived.name], ['flutter_2', 'Guest'])

  host.say('torrent-magnet', { magnetURI: MAGNET, streamPath: 'video.mp4', name: 'My Movie' })
  const magnet = await guest.hear('torrent-magnet')
  assert.deepEqual([magnet.magnetURI, magnet.streamPath, magnet.name], [MAGNET, 'video.mp4', 'My Movie'])
  host.say('movie-loaded', { name: 'My Movie', duration: 7200.5 })
  const movie = await guest.hear('movie-loaded')
  assert.deepEqual([movie.name, movie.duration], ['My Movie', 7200.5])

  for (const [event, time, actionId] of [['sync-play', 125.5, '1'], ['sync-seek', 300, '2'], ['sync-pause', 301.25, '3']]) {
    host.say(event, { time, actionId })
    for (const person of [host, guest]) {
      let said = await person.hear(event)
      // The room may have stood still for a moment of its own before.
      while (said.actionId !== actionId) said = await person.hear(event)
      assert.equal(said.time, time, event)
    }
  }
  const refused = await guest.ask('sync-play', { time: 1, actionId: 'x' })
  assert.deepEqual([refused.success, refused.code], [false, 'S008'])
  assert.equal((await guest.hear('error')).code, 'S008')

  guest.say('sync-report', { roomCode: code, playbackTime: 125.5, playing: true })
  const report = await host.hear('sync-report')
  assert.deepEqual([report.participantId, report.playbackTime, report.playing], ['flutter_2', 125.5, true])
  host.say('sync-correct', { roomCode: code, playbackTime: 126.5, playing: false, actionId: '4' })
  assert.equal((await guest.hear('sync-correct')).playbackTime, 126.5)
  host.say('sync-check', { roomCode: code })
  assert.equal((await guest.hear('sync-check')).roomCode, code)

  host.say('ready-for-connection', {})
  guest.say('ready-for-connection', {})
  const [atHost, atGuest] = [await host.hear('start-webrtc'), await guest.hear('start-webrtc')]
  assert.deepEqual([atHost.peerId, atGuest.peerId], [guest.socket.id, host.socket.id])
  assert.notEqual(atHost.initiator, atGuest.initiator, 'exactly one begins')
  const [caller, called] = atHost.initiator ? [host, guest] : [guest, host]
  caller.say('offer', { offer: { type: 'offer', sdp: 'v=0 ünïcode' }, to: called.socket.id })
  const offer = await called.hear('offer')
  assert.deepEqual([offer.from, offer.offer], [caller.socket.id, { type: 'offer', sdp: 'v=0 ünïcode' }])
  called.say('answer', { answer: { type: 'answer', sdp: 'v=0' }, to: caller.socket.id })
  assert.deepEqual((await caller.hear('answer')).answer, { type: 'answer', sdp: 'v=0' })
  const candidate = { candidate: 'candidate:1 1 udp 1 192.0.2.1 5 typ host', sdpMid: '0', sdpMLineIndex: 0 }
  called.say('ice-candidate', { candidate, to: caller.socket.id })
  assert.deepEqual((await caller.hear('ice-candidate')).candidate, candidate)

  // Many at once keep their order.
  for (let number = 0; number < 4; number++) guest.say('chat-message', { text: `Hello everyone! ${number} ☕` })
  for (const person of [host, guest]) {
    for (let number = 0; number < 4; number++) {
      const chat = await person.hear('chat-message')
      assert.deepEqual([chat.text, chat.sender], [`Hello everyone! ${number} ☕`, 'Guest'])
    }
  }

  if (transports.includes('websocket')) assert.equal(host.socket.io.engine.transport.name, 'websocket', 'it was upgraded')
  else assert.equal(host.socket.io.engine.transport.name, 'polling')
  guest.say('leave-room', {})
  assert.equal((await host.hear('participant-left')).id, 'flutter_2')
  host.socket.close()
  guest.socket.close()
}

main().then(() => process.exit(0), (error) => {
  console.error(error.stack)
  process.exit(1)
})
