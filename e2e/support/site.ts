/**
 * A web site that uses Roost as its makers would: one page, the SDK's files on its own origin.
 *
 * The page offers `window.makeRoost`, see `window.ts`. `/foreign-worker.js` is a service worker that knows nothing of us.
 * `/worker-with-click.js` is a site's own service worker that imports ours and can play a click, which nobody
 * can make in a headless browser.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const BUNDLES = new URL('../../packages/sdk/dist/bundle/', import.meta.url)

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Site</title>
<link rel="icon" href="data:,">
<script type="module">
  import { createRoost } from '/roost-web.js'
  window.makeRoost = options => createRoost(options)
  window.showInbox = async options => {
    const { mountInbox } = await import('/roost-inbox.js')
    mountInbox(document.body, { roost: createRoost(options), pageSize: 2 })
  }
  window.messages = []
  window.liveStatuses = []
  window.calls = []
  window.startLive = async ({ rings = false, ...options }) => {
    const onMessage = message => window.messages.push(message.title)
    const onLive = status => window.liveStatuses.push(status)
    const onCall = rings ? call => window.calls.push(call) : undefined
    window.roost = createRoost({ ...options, live: true, onMessage, onLive, onCall })
    return window.roost.start()
  }
</script>`

/** Of the same origin, and knows nothing of Roost. */
const EMPTY = '<!doctype html><title>Empty</title><link rel="icon" href="data:,">'

const WORKER_WITH_CLICK = `
importScripts('/roost-service-worker.js')
self.addEventListener('message', async ({ data }) => {
  if (data !== 'click' && data.click === undefined) return
  for (const notification of await self.registration.getNotifications())
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action: data.click ?? '' }))
})`

/** Firefox has no icon to put a number on, so the worker keeps what it is asked to show. */
const WORKER_WITH_BADGE = `
let badge = null
navigator.setAppBadge = async count => { badge = count }
importScripts('/roost-service-worker.js')
self.addEventListener('message', ({ data, ports }) => {
  if (data === 'badge') ports[0].postMessage(badge)
})`

/** The first notification is on its way to the screen until the worker hears "go on"; it tells all pages when that begins. */
const WORKER_THAT_WAITS = `
const { showNotification } = ServiceWorkerRegistration.prototype
let goOn
const waiting = new Promise(resolve => { goOn = resolve })
let isFirst = true
ServiceWorkerRegistration.prototype.showNotification = async function (...given) {
  if (isFirst) {
    isFirst = false
    new BroadcastChannel('test').postMessage('showing')
    await waiting
  }
  return showNotification.apply(this, given)
}
importScripts('/roost-service-worker.js')
self.addEventListener('message', ({ data }) => { if (data === 'go on') goOn() })`

const FILES: Readonly<
  Record<string, { readonly type: string; readonly read: () => Promise<string> | string }>
> = {
  '/': { type: 'text/html', read: () => PAGE },
  '/empty': { type: 'text/html', read: () => EMPTY },
  '/roost-inbox.js': { type: 'text/javascript', read: () => readBundle('roost-inbox.js') },
  '/roost-live.js': { type: 'text/javascript', read: () => readBundle('roost-live.js') },
  '/roost-web.js': { type: 'text/javascript', read: () => readBundle('roost-web.js') },
  '/roost-testing.js': { type: 'text/javascript', read: () => readBundle('roost-testing.js') },
  '/roost-service-worker.js': { type: 'text/javascript', read: () => readBundle('roost-service-worker.js') },
  '/push/roost-service-worker.js': {
    type: 'text/javascript',
    read: () => readBundle('roost-service-worker.js'),
  },
  '/worker-with-badge.js': { type: 'text/javascript', read: () => WORKER_WITH_BADGE },
  '/worker-that-waits.js': { type: 'text/javascript', read: () => WORKER_THAT_WAITS },
  '/foreign-worker.js': { type: 'text/javascript', read: () => '' },
  '/worker-with-click.js': { type: 'text/javascript', read: () => WORKER_WITH_CLICK },
}

export interface Site {
  readonly url: string
  close(): Promise<void>
}

/** Needs the built bundles (`npm run bundle -w @roost/sdk`). */
export async function startSite(): Promise<Site> {
  const server = createServer((request, response) => {
    void serve(request.url ?? '/', response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function serve(path: string, response: ServerResponse): Promise<void> {
  const file = FILES[new URL(path, 'http://site').pathname]
  if (file === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': file.type }).end(await file.read())
}

function readBundle(name: string): Promise<string> {
  return readFile(new URL(name, BUNDLES), 'utf8')
}
