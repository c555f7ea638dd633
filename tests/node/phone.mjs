// A phone that has read a kiosk's screen: comes in as Ben, plays the film, jumps, and stops it. Arguments: jsdom's folder, the link.
// Prints what failed and exits 1, or exits 0.
import assert from 'node:assert/strict'
import { browser, until } from './page.mjs'

const [folder, link] = process.argv.slice(2)

async function main () {
  const phone = await browser(folder)(link, {})
  phone.type('name', 'Ben')
  phone.submit(phone.window.document.querySelector('#enter form'))
  await until('it may move the film', () => !phone.element('play').disabled)
  phone.element('play').click()
  await until('it plays', () => phone.text('state') === 'Playing' && phone.text('now') >= '0:02')
  phone.element('ahead').click()
  await until('it jumps', () => phone.text('state') === 'Playing' && phone.text('now') >= '0:12')
  phone.element('play').click()
  await until('it stands', () => phone.text('state') === 'Paused')
  assert.deepEqual(phone.thrown, [])
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
