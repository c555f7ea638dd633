// The page of `/j/CODE/remote` in a browser without a screen (jsdom), beside a host who is the official socket.io-client.
// Arguments: the folder that both were installed in, the server's URL. Prints what failed and exits 1, or exits 0.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { browser, until } from './page.mjs'

const [folder, url] = process.argv.slice(2)
const require = createRequire(folder + '/package.json')
const { io } = require('socket.io-client')
const MAGNET = 'magnet:?xt=urn:btih:0123456789012345678901234567890123456789&dn=A%20Film'
const TICKET = '0123456789abcdef'
const open = browser(folder)

class Host {
  constructor () {
    this.heard = []
    this.socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true })
    this.socket.onAny((event, payload) => this.heard.push({ event, payload }))
  }

  say (event, payload) { this.socket.emit(event, payload) }

  // The next event of that name that is so; each once.
  async hear (event, isSo = () => true) {
    let at = -1
    await until(`${event}: ${JSON.stringify(this.heard)}`, () => (at = this.heard.findIndex((one) => one.event === event && isSo(one.payload))) >= 0)
    return this.heard.splice(at, 1)[0].payload
  }
}

async function main () {
  const host = new Host()
  host.say('create-room', { participantId: 'ana', name: 'Ana', capabilities: { sync: 0 }, requestedCode: 'PHONE42' })
  const { room } = await host.hear('room-created')
  const address = `${url}/j/${room.code}/remote`
  host.say('torrent-magnet', { magnetURI: MAGNET, streamPath: 'film.mp4', name: 'A <b>film</b>' })
  host.say('movie-loaded', { name: 'A <b>film</b>', duration: 5400 })

  // Somebody whose name and words look like a page comes in.
  const phone = await open(`${address}#t=${TICKET}`, {})
  assert.equal(phone.window.location.hash, '', 'the ticket is not passed on with the address')
  assert.ok(phone.element('room').hidden && !phone.element('enter').hidden)
  phone.submit(phone.window.document.querySelector('#enter form'))
  assert.ok(phone.element('room').hidden, 'a name is needed')
  phone.type('name', 'Bea <i>')
  phone.submit(phone.window.document.querySelector('#enter form'))
  const come = await host.hear('participant-joined')
  assert.deepEqual([come.id, come.name, come.role], [`remote-${TICKET}`, 'Bea <i>', 'viewer'])
  await host.hear('participant-updated', (told) => told.id === come.id && told.spectating)
  await until('the film', () => phone.text('film') === 'A <b>film</b>' && phone.text('end') === '1:30:00')
  assert.equal(phone.text('state'), 'Paused')
  assert.equal(phone.window.document.querySelectorAll('#people li').length, 2)
  assert.equal(phone.window.document.querySelectorAll('#room h1 b, #people i').length, 0, 'nothing that is told becomes a part of the page')

  // A viewer moves nothing.
  for (const id of ['back', 'play', 'ahead', 'at']) assert.ok(phone.element(id).disabled, id)
  assert.ok(!phone.element('only').hidden)
  host.say('set-role', { id: come.id, role: 'cohost' })
  await until('it may', () => !phone.element('play').disabled)
  assert.ok(phone.element('only').hidden)

  // Nobody waits for it: with the host alone it starts at once.
  phone.element('play').click()
  const play = await host.hear('sync-play')
  assert.equal(play.time, 0)
  await until('it plays', () => phone.text('state') === 'Playing' && phone.element('play').getAttribute('aria-label') === 'Pause')
  await until('time goes on', () => phone.text('now') !== '0:00')
  // Three taps are one seek.
  for (let tap = 0; tap < 3; tap++) phone.element('ahead').click()
  const seek = await host.hear('sync-seek')
  assert.ok(seek.time >= 30 && seek.time < 40, String(seek.time))
  phone.element('play').click()
  assert.ok((await host.hear('sync-pause', (told) => !told.actionId.startsWith('wait'))).time >= 30)
  await until('it stands', () => phone.text('state') === 'Paused')
  phone.type('at', '3661')
  assert.equal(phone.text('now'), '1:01:01', 'the time under the finger')
  phone.element('at').dispatchEvent(new phone.window.Event('change'))
  assert.equal((await host.hear('sync-seek')).time, 3661)
  phone.element('at').value = '5400'
  phone.element('ahead').click()
  assert.ok((await host.hear('sync-seek')).time <= 5400)
  host.say('sync-seek', { time: 60, actionId: 'host-1' })
  await until("the host's seek", () => phone.text('now') === '1:00')

  // Words, both ways.
  host.say('chat-message', { text: '<img src=x onerror=alert(1)> ☕' })
  await until('the words', () => phone.text('chat').includes('<img src=x onerror=alert(1)> ☕'))
  assert.equal(phone.window.document.querySelectorAll('#chat img').length, 0)
  phone.type('text', ' Hello ')
  phone.submit(phone.element('say'))
  const said = await host.hear('chat-message', (told) => told.sender !== 'Ana')
  assert.deepEqual([said.text, said.mediaTime, phone.element('text').value], ['Hello', 60, ''])

  // The line breaks, and it comes back to its place and role by itself.
  phone.window.eval('socket.close()')
  await host.hear('participant-updated', (told) => told.id === come.id && told.away === true)
  const back = await host.hear('participant-updated', (told) => told.id === come.id && told.away === false)
  assert.equal(back.role, 'cohost')
  await until('it may again', () => !phone.element('play').disabled)

  // So does a page that was thrown away: it needs neither the ticket nor the name.
  const kept = phone.storage()
  phone.window.close()
  const again = await open(address, kept)
  await until('it is inside', () => !again.element('play').disabled)
  assert.equal(again.window.document.querySelectorAll('#people li').length, 2)
  assert.ok(again.text('chat').includes('Hello'), 'what was said before')

  // Put out, it says so and moves nothing.
  host.say('kick', { id: come.id })
  await until('it is told', () => again.text('why') === 'The host removed you from the room.')
  assert.ok(!again.element('enter').hidden && again.element('room').hidden)
  again.window.close()

  // A room that nobody has.
  const lost = await open(`${url}/j/NOBODY42/remote`, {})
  lost.type('name', 'Bea')
  lost.submit(lost.window.document.querySelector('#enter form'))
  await until('it is told', () => lost.text('why').startsWith('There is no room with this code.'))
  lost.window.close()

  assert.deepEqual([...phone.thrown, ...again.thrown, ...lost.thrown], [])
  host.socket.close()
  // Timers of closed windows keep nobody.
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
