/**
 * A person's page of the site (`site.ts`), and the app's back end that reaches it through a real Roost.
 */
import type { Page } from 'puppeteer-core'
import { eventually } from './eventually.ts'
import type { RoostServer } from './roost-server.ts'
import type { Site } from './site.ts'

/** Long beside what it takes, however busy the machine is: it bounds what would hang. */
const WITHIN_MS = 60_000

export interface MessageCounts {
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly delivered: number
}

export interface ShownNotification {
  readonly title: string
  readonly body: string
}

export interface WebPageOptions {
  readonly server: RoostServer
  readonly site: Site
  readonly page: Page
}

interface App {
  readonly code: string
  readonly deviceToken: string
}

interface LedgerEntry {
  readonly event: string
  readonly provider: string | null
}

/** Makes an app with a VAPID key of its own. */
export async function createWebPage(options: WebPageOptions): Promise<WebPage> {
  const app = await options.server.rest<App>('POST', '/v1/apps', { name: 'Web shop' })
  const credential = { gateway: 'webpush', kind: 'vapid' }
  await options.server.rest('POST', `/v1/apps/${app.code}/credentials`, credential)
  return new WebPage(options, app)
}

export class WebPage {
  readonly #options: WebPageOptions
  readonly #app: App

  constructor(options: WebPageOptions, app: App) {
    this.#options = options
    this.#app = app
  }

  async visit(): Promise<void> {
    const { page, site } = this.#options
    await page.goto(site.url)
    await page.waitForFunction('window.makeRoost !== undefined')
  }

  async ask(
    method: 'start' | 'subscribe' | 'unsubscribe',
  ): Promise<{ readonly hwid: string; readonly isSubscribed: boolean }> {
    const status = await this.#options.page.evaluate(
      (name, options) => window.makeRoost(options)[name](),
      method,
      this.#roostOptions(),
    )
    if (status.hwid === undefined) throw new Error('the page has no hwid')
    return { hwid: status.hwid, isSubscribed: status.isSubscribed }
  }

  async setCity(city: string): Promise<void> {
    const result = await this.#options.page.evaluate(
      (options, value) => window.makeRoost(options).setTags({ city: value }),
      this.#roostOptions(),
      city,
    )
    if (result !== 'sent') throw new Error(`the tag was ${result} and not sent`)
  }

  /** The endpoint that the browser itself has, undefined without a subscription. */
  endpoint(): Promise<string | undefined> {
    return this.#options.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready
      return (await registration.pushManager.getSubscription())?.endpoint
    })
  }

  /** Behind the back of the SDK, as a browser ends a subscription whose permission was withdrawn. */
  endSubscription(): Promise<boolean | undefined> {
    return this.#options.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready
      return (await registration.pushManager.getSubscription())?.unsubscribe()
    })
  }

  /** What is on the screen, once something is. */
  async shown(): Promise<readonly ShownNotification[]> {
    const { value } = await eventually({
      what: 'a notification on the screen',
      read: () =>
        this.#options.page.evaluate(async () => {
          const registration = await navigator.serviceWorker.ready
          const notifications = await registration.getNotifications()
          return notifications.map(({ title, body }) => ({ title, body }))
        }),
      until: notifications => notifications.length > 0,
      withinMs: WITHIN_MS,
    })
    return value
  }

  /** Gives back the id of the message, once the server has accepted it. */
  async sendToCity(city: string, body = 'How are you?'): Promise<string> {
    const { server, site } = this.#options
    const { id } = await server.rest<{ id: string }>('POST', `/v1/apps/${this.#app.code}/messages`, {
      to: { condition: { tag: 'city', op: 'eq', value: city } },
      content: { title: `Hello ${city}`, body, url: site.url },
    })
    return id
  }

  /** A receipt may be counted before the server has noted the push service's acceptance, so both are waited for. */
  async waitForDelivered(id: string): Promise<void> {
    await this.#waitForCount(id, 'delivered', WITHIN_MS)
  }

  async waitForDead(id: string): Promise<void> {
    await this.#waitForCount(id, 'dead', WITHIN_MS)
  }

  /** The counts of a message with which nothing more will happen. */
  async countsWhenDone(id: string): Promise<MessageCounts> {
    const { value } = await eventually({
      what: 'message done',
      read: () => this.#readMessage(id),
      until: message => message.state === 'done',
      withinMs: WITHIN_MS,
    })
    return value.counts
  }

  async addressStates(hwid: string): Promise<string[]> {
    const path = `/v1/apps/${this.#app.code}/devices/${encodeURIComponent(hwid)}`
    const device = await this.#options.server.rest<{
      readonly addresses: readonly { readonly state: string }[]
    }>('GET', path)
    return device.addresses.map(address => address.state)
  }

  /** The ledger, oldest first. */
  async ledger(hwid: string): Promise<readonly LedgerEntry[]> {
    const path = `/v1/apps/${this.#app.code}/devices/${encodeURIComponent(hwid)}/ledger`
    const { entries } = await this.#options.server.rest<{ readonly entries: readonly LedgerEntry[] }>(
      'GET',
      path,
    )
    return entries
  }

  async #waitForCount(id: string, count: keyof MessageCounts, withinMs: number): Promise<void> {
    await eventually({
      what: `one targeted and one ${count}`,
      read: async () => (await this.#readMessage(id)).counts,
      until: counts => counts.targeted === 1 && counts[count] === 1,
      withinMs,
    })
  }

  #readMessage(id: string): Promise<{ readonly state: string; readonly counts: MessageCounts }> {
    return this.#options.server.rest('GET', `/v1/apps/${this.#app.code}/messages/${id}`)
  }

  #roostOptions(): {
    readonly baseUrl: string
    readonly application: string
    readonly deviceToken: string
  } {
    const { code, deviceToken } = this.#app
    return { baseUrl: this.#options.server.baseUrl, application: code, deviceToken }
  }
}
