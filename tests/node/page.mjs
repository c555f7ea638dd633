// Pages of the server in a browser without a screen (jsdom).
import { createRequire } from 'node:module'

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function until (what, look) {
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(20)) if (look()) return
  throw new Error(`never: ${what}`)
}

// Opens one, with what the browser has kept of it. What the page threw is a failure of it.
export const browser = (folder) => async (address, kept) => {
  const { JSDOM, VirtualConsole } = createRequire(folder + '/package.json')('jsdom')
  const console = new VirtualConsole()
  const thrown = []
  console.on('jsdomError', (error) => thrown.push(error))
  const page = await JSDOM.fromURL(address, {
    runScripts: 'dangerously', pretendToBeVisual: true, virtualConsole: console,
    beforeParse (window) { for (const [key, value] of Object.entries(kept)) window.localStorage.setItem(key, value) }
  })
  const { window } = page
  const element = (id) => window.document.getElementById(id)
  const text = (id) => element(id).textContent
  const type = (id, value) => { element(id).value = value; element(id).dispatchEvent(new window.Event('input')) }
  const submit = (form) => form.dispatchEvent(new window.Event('submit', { cancelable: true }))
  const storage = () => Object.fromEntries(Object.entries(window.localStorage))
  return { window, thrown, element, text, type, submit, storage }
}
