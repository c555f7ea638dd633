// A person written from the plan alone, with the official socket.io-client: hosts or joins, and tells what it hears.
// Arguments: the folder it was installed in, the server's URL, then `host` or `join CODE`. Commands on stdin, JSON lines: an array of
// an event's name and its object is said to the server. Each event that is heard is a line on stdout.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [folder, url, what, code] = process.argv.slice(2)
const { io } = createRequire(folder + '/package.json')('socket.io-client')
const socket = io(url, { transports: ['websocket'], reconnection: false })
const me = { participantId: 'flutter_' + what, name: what === 'host' ? 'Planner' : 'Guest', capabilities: { nativePlayback: true } }

socket.onAny((event, payload) => console.log(JSON.stringify({ event, payload, at: Date.now() })))
socket.on('connect', () => {
  if (what === 'host') socket.emit('create-room', me)
  else socket.emit('join-room', { ...me, code })
})
socket.on('disconnect', () => process.exit(0))
createInterface({ input: process.stdin })
  .on('line', (line) => socket.emit(...JSON.parse(line)))
  .on('close', () => { socket.emit('leave-room', {}); setTimeout(() => process.exit(0), 200) })
