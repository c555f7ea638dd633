// npm's bittorrent-tracker as somebody else's tracker, over HTTP and UDP on one port of 127.0.0.1. It says the port as a line
// of JSON; the end of stdin is the end. The first argument is the folder that it was installed in.
import { pathToFileURL } from 'node:url'

const installed = process.argv[2] + '/node_modules/bittorrent-tracker/server.js'
const { default: Server } = await import(pathToFileURL(installed).href)
const server = new Server({ http: true, udp: true, ws: false, stats: false, trustProxy: false })
server.on('error', (error) => console.error(error.message))
server.on('warning', (error) => console.error(error.message))
const hosts = { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' }
server.listen(Number(process.argv[3]), hosts, () => console.log(JSON.stringify({ port: server.http.address().port })))
process.stdin.on('end', () => process.exit(0)).resume()
