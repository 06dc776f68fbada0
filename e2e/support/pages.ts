/** Every page that the console has: its own route table, with something that there is in the place of each parameter. */
import { readFile } from 'node:fs/promises'

const ROUTES = new URL('../../packages/console/src/routes.tsx', import.meta.url)
const ROUTE = /createRoute\(\{\s*getParentRoute: \(\) => (root|app),\s*path: '([^']+)'/g

/** What an app is called with: method, path below its own, body. */
export type CallApp = <T>(method: string, path: string, body?: object) => Promise<T>

export interface Paths {
  /** Below an app, as "/devices/$hwid"; the first page of an app is "". */
  readonly ofApp: readonly string[]
  /** Of no app, as "/account". */
  readonly apart: readonly string[]
}

/** Throws where the table is written in another way than it is read here: no page is left out in silence. */
export async function readPaths(): Promise<Paths> {
  const source = await readFile(ROUTES, 'utf8')
  const found = [...source.matchAll(ROUTE)].map(([, parent, path = '']) => ({ parent, path }))
  const all = source.split('= createRoute(').length - 1
  if (found.length !== all) throw new Error(`routes.tsx has ${all} routes, and ${found.length} were read`)
  return {
    ofApp: found.filter(it => it.parent === 'app').map(({ path }) => (path === '/' ? '' : path)),
    // the page that the others of an app are below
    apart: found.filter(it => it.parent === 'root' && it.path !== '/apps/$app').map(({ path }) => path),
  }
}

export type Values = Readonly<Record<string, string>>

/** With each parameter in its place. Throws for one that nothing is known for: who adds it says what stands there. */
export function fill(path: string, values: Values): string {
  return path.replaceAll(/\$(\w+)/g, (_all, name: string) => {
    const value = values[name]
    if (value === undefined)
      throw new Error(`${path}: furnish() of e2e/support/pages.ts has nothing for $${name}`)
    return encodeURIComponent(value)
  })
}

const USER = 'ann@example.com'

/** One of each thing that a page is about, in an app with devices and a message, so that no page is empty. */
export async function furnish(call: CallApp): Promise<Values> {
  const { devices } = await call<{ devices: { hwid: string }[] }>('GET', '/devices?state=active&limit=1')
  const hwid = devices[0]?.hwid ?? ''
  await call('PATCH', `/devices/${encodeURIComponent(hwid)}`, { userId: USER, tags: { plan: 'gold' } })
  await call('POST', '/test-devices', { hwid, name: 'Ann’s phone' })
  const { messages } = await call<{ messages: { id: string }[] }>('GET', '/messages?limit=1')
  const make = async (path: string, body: object) => (await call<{ id: string }>('POST', path, body)).id
  const message = { to: { all: true }, content: { title: 'Still hungry?' } }
  await make('/lists', { name: 'Guests of August', kind: 'devices', ids: [hwid] })
  return {
    hwid,
    user: USER,
    message: messages[0]?.id ?? '',
    step: 'permitted',
    segment: await make('/segments', {
      name: 'Phones',
      mode: 'nightly',
      condition: { field: 'platform', op: 'in', value: ['ios', 'android'] },
    }),
    schedule: await make('/schedules', { name: 'Digest', cron: '0 9 * * 1', message }),
    trigger: await make('/triggers', {
      name: 'Cart',
      event: 'added_to_cart',
      message: { content: message.content },
    }),
    webhook: await make('/webhooks', { url: 'https://example.com/hook', events: ['credential.expired'] }),
    call: await make('/calls', {
      caller: { name: 'Ben' },
      callees: [USER],
      ringSeconds: 5,
      data: { room: 'r-17' },
    }),
    job: 'address-aging',
    day: new Date(Date.now() - 86_400_000).toISOString().slice(0, 10),
  }
}
