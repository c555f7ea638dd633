// npm's bittorrent-tracker as two peers of one torrent, over HTTP and over WebSocket. Arguments: the folder it was installed
// in, the server's host and port. Prints what failed and exits 1, or exits 0.
import assert from 'node:assert/strict'
import { register } from 'node:module'
import { pathToFileURL } from 'node:url'

const [folder, authority] = process.argv.slice(2)
// Its WebRTC is a compiled library, which is not installed and not needed.
const without = `export const resolve = (name, context, next) => name === 'webrtc-polyfill'
  ? { url: 'data:text/javascript,export const RTCPeerConnection=0,RTCSessionDescription=0,RTCIceCandidate=0;export default {}', shortCircuit: true }
  : next(name, context)`
register('data:text/javascript,' + encodeURIComponent(without))
const { default: Client } = await import(pathToFileURL(folder + '/node_modules/bittorrent-tracker/client.js').href)
const infoHash = 'aa'.repeat(20)

function peer (id, announce, port, extra = {}) {
  const client = new Client({ infoHash, peerId: Buffer.from(`-XX0001-${id.repeat(12)}`), announce: [announce], port, ...extra })
  client.on('error', fail)
  client.on('warning', (warning) => fail(warning))
  return client
}

function fail (error) {
  console.error(error.stack || error)
  process.exit(1)
}

const next = (client, event) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`no ${event}`)), 8000).unref()
  client.once(event, resolve)
})

async function overHttp () {
  const url = `http://${authority}/announce`
  const [seed, leech] = [peer('s', url, 5001), peer('l', url, 5002)]
  seed.start({ left: 0 })
  await next(seed, 'update')
  leech.start({ left: 7 })
  const met = await next(leech, 'peer')
  assert.equal(met, '127.0.0.1:5001', 'the address by which we reached the server')
  leech.scrape()
  const scraped = await next(leech, 'scrape')
  assert.deepEqual([scraped.complete, scraped.incomplete], [1, 1])
  seed.stop()
  await next(seed, 'update')
  leech.scrape()
  assert.equal((await next(leech, 'scrape')).complete, 0)
  seed.destroy()
  leech.destroy()
}

// There is no WebRTC here, so what makes descriptions is a stand-in; all of the tracker's protocol is the client's own.
class Channel {
  constructor (initiator, heard) {
    Object.assign(this, { initiator, heard, handlers: {} })
    if (initiator) queueMicrotask(() => this.emit('signal', { type: 'offer', sdp: 'v=0 offer' }))
  }

  once (event, handler) { this.handlers[event] = handler }
  removeListener (event) { delete this.handlers[event] }
  emit (event, payload) { if (this.handlers[event]) this.handlers[event](payload) }
  destroy () {}
  signal (description) {
    this.heard(description)
    if (!this.initiator) this.emit('signal', { type: 'answer', sdp: 'v=0 answer' })
    this.emit('connect')
  }
}

async function overWebSocket () {
  const tracker = folder + '/node_modules/bittorrent-tracker/lib/client/websocket-tracker.js'
  const { default: Tracker } = await import(pathToFileURL(tracker).href)
  const descriptions = []
  const make = Tracker.prototype._createPeer
  Tracker.prototype._createPeer = function (options) {
    assert.ok(make, 'the client still makes its peers so')
    const channel = new Channel(Boolean(options?.initiator), (description) => descriptions.push(description.type))
    channel.once('connect', () => this.client.emit('peer', channel))
    return channel
  }
  // Two addresses, because the client gives one socket to all who have the same.
  const first = peer('a', `ws://${authority}/`, 1, { wrtc: {} })
  first.start({ left: 0, numwant: 1 })
  await next(first, 'update')
  const second = peer('b', `ws://${authority}/announce`, 2, { wrtc: {} })
  const met = Promise.all([next(first, 'peer'), next(second, 'peer')])
  second.start({ left: 7, numwant: 1 })
  const update = await next(second, 'update')
  assert.deepEqual([update.complete, update.incomplete], [1, 1])
  await met
  assert.deepEqual(descriptions, ['offer', 'answer'], 'the first got the offer of the second, who got the answer')
  second.scrape()
  assert.equal((await next(second, 'scrape')).complete, 1)
  first.destroy()
  second.destroy()
}

overHttp().then(overWebSocket).then(() => process.exit(0), fail)
