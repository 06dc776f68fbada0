/**
 * The inbox as a piece of a page: a file of its own (`roost-inbox.js`) for sites that want none of their own making.
 *
 * Plain elements with class names and no style, so it looks like the site. What a message says is put in as text; links and images only where a
 * site may open them.
 */
import type { Inbox, InboxEntry } from '../core/inbox.ts'
import { safeLink } from '../core/payload.ts'
import type { Roost } from './options.ts'
import { hear } from './tabs.ts'

export interface InboxTexts {
  readonly heading: string
  readonly unread: (count: number) => string
  readonly empty: string
  readonly failed: string
  readonly retry: string
  readonly more: string
  readonly remove: string
}

export interface InboxWidgetOptions {
  readonly roost: Pick<Roost, 'inbox' | 'markInbox'>
  /** English where left out. */
  readonly texts?: Partial<InboxTexts>
  /** Entries of a page. Default 20. */
  readonly pageSize?: number
  /** Instead of following the link of an entry. */
  readonly onOpen?: (entry: InboxEntry) => void
}

export interface InboxWidget {
  /** Reads it anew, as after a message has come. Never rejects: what went wrong stands in the page. */
  refresh(): Promise<void>
  /** Takes it out of the page. */
  remove(): void
}

const ENGLISH: InboxTexts = {
  heading: 'Messages',
  unread: count => (count === 0 ? '' : `${count} unread`),
  empty: 'No messages',
  failed: 'The messages could not be loaded.',
  retry: 'Try again',
  more: 'Older messages',
  remove: 'Delete',
}

/** Puts it at the end of `place`, and reads the first page. */
export function mountInbox(place: HTMLElement, options: InboxWidgetOptions): InboxWidget {
  const widget = new Widget(options)
  place.append(widget.element)
  void widget.refresh()
  return widget
}

class Widget implements InboxWidget {
  readonly element = make('section', 'roost-inbox')
  readonly #options: InboxWidgetOptions
  readonly #texts: InboxTexts
  readonly #unread = make('p', 'roost-inbox-unread')
  readonly #list = make('ul', 'roost-inbox-entries')
  readonly #foot = make('div', 'roost-inbox-foot')
  readonly #entries = new WeakMap<Element, InboxEntry>()
  readonly #watcher: IntersectionObserver
  readonly #deafen: () => void
  readonly #shownAgain = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) return
    this.#clear()
    void this.refresh()
  }
  #turn = 0
  #isForeign = false

  constructor(options: InboxWidgetOptions) {
    this.#options = options
    this.#texts = { ...ENGLISH, ...options.texts }
    const heading = make('h2', 'roost-inbox-heading', this.#texts.heading)
    this.#unread.setAttribute('role', 'status')
    this.element.setAttribute('aria-label', this.#texts.heading)
    this.element.append(heading, this.#unread, this.#list, this.#foot)
    this.#watcher = new IntersectionObserver(seen => this.#noteSeen(seen), { threshold: 0.5 })
    this.#deafen = hear(({ type }) => {
      if (type === 'person') this.#clear()
      if (type === 'user' && this.#isForeign) void this.refresh()
    })
    // While the page waited for somebody to go back to it, it heard of nobody who logged in.
    addEventListener('pageshow', this.#shownAgain)
  }

  async refresh(): Promise<void> {
    await this.#read(undefined)
  }

  remove(): void {
    this.#turn++
    this.#deafen()
    removeEventListener('pageshow', this.#shownAgain)
    this.#watcher.disconnect()
    this.element.remove()
  }

  /** R25: it is of the person before, and the server may not be there to ask for another one's. */
  #clear(): void {
    this.#turn++
    this.#isForeign = true
    this.#list.replaceChildren()
    this.#foot.replaceChildren()
    this.#showUnread(0)
  }

  async #read(after: string | undefined): Promise<void> {
    const turn = ++this.#turn
    const { roost, pageSize = 20 } = this.#options
    const found = await roost
      .inbox({ limit: pageSize, ...(after !== undefined && { after }) })
      .catch(() => undefined)
    if (turn !== this.#turn) return
    this.#isForeign = false
    if (found === undefined) this.#showFailure(after)
    else this.#show(found, after === undefined)
  }

  #show({ entries, unread, next }: Inbox, isFirst: boolean): void {
    if (isFirst) this.#list.replaceChildren()
    this.#list.append(...entries.map(it => this.#itemOf(it)))
    this.#showUnread(unread)
    this.#foot.replaceChildren()
    if (next !== null) this.#foot.append(button(this.#texts.more, () => void this.#read(next)))
    this.#showEmpty()
  }

  #showUnread(count: number): void {
    this.#unread.textContent = this.#texts.unread(count)
  }

  #showEmpty(): void {
    if (this.#list.childElementCount === 0 && this.#foot.childElementCount === 0)
      this.#foot.append(make('p', 'roost-inbox-empty', this.#texts.empty))
  }

  #showFailure(after: string | undefined): void {
    const failed = make('p', 'roost-inbox-failed', this.#texts.failed)
    failed.setAttribute('role', 'alert')
    this.#foot.replaceChildren(
      failed,
      button(this.#texts.retry, () => void this.#read(after)),
    )
  }

  #itemOf(entry: InboxEntry): HTMLElement {
    const item = make('li', 'roost-inbox-entry')
    item.dataset.state = entry.state
    const image = imageOf(entry)
    const time = make('time', 'roost-inbox-time', new Date(entry.sentAt).toLocaleString())
    time.setAttribute('datetime', entry.sentAt)
    const remove = button(this.#texts.remove, () => void this.#remove(item, entry))
    remove.setAttribute('aria-label', `${this.#texts.remove}: ${entry.title ?? entry.body ?? ''}`)
    item.append(
      ...(image ?? []),
      this.#titleOf(entry),
      make('p', 'roost-inbox-body', entry.body ?? ''),
      time,
      remove,
    )
    this.#entries.set(item, entry)
    if (entry.state === 'new' || entry.state === 'delivered') this.#watcher.observe(item)
    return item
  }

  #titleOf(entry: InboxEntry): HTMLElement {
    const { onOpen } = this.#options
    const link = safeLink(entry.url ?? undefined, location.href)
    if (link === undefined && onOpen === undefined) return make('p', 'roost-inbox-title', entry.title ?? '')
    const title = make('a', 'roost-inbox-title', entry.title ?? entry.body ?? '')
    title.href = link ?? '#'
    title.addEventListener('click', event => {
      void this.#mark(entry, 'opened')
      if (onOpen === undefined) return
      event.preventDefault()
      onOpen(entry)
    })
    return title
  }

  async #remove(item: HTMLElement, entry: InboxEntry): Promise<void> {
    const neighbour = item.nextElementSibling ?? item.previousElementSibling
    item.remove()
    // Whoever goes by keys is not thrown back to the top of the page.
    const next = neighbour?.querySelector('button') ?? this.element
    if (next === this.element) this.element.tabIndex = -1
    next.focus()
    this.#showEmpty()
    await this.#mark(entry, 'deleted')
  }

  #noteSeen(seen: readonly IntersectionObserverEntry[]): void {
    for (const { isIntersecting, target } of seen) {
      const entry = this.#entries.get(target)
      if (!isIntersecting || entry === undefined) continue
      this.#watcher.unobserve(target)
      void this.#mark(entry, 'read')
    }
  }

  /** Kept by the SDK while there is no network; the count is the server's. */
  async #mark({ id }: InboxEntry, state: 'read' | 'opened' | 'deleted'): Promise<void> {
    const { roost } = this.#options
    try {
      if ((await roost.markInbox(id, state)) === 'sent')
        this.#showUnread((await roost.inbox({ limit: 0 })).unread)
    } catch {
      // the next look at the inbox shows it as it is
    }
  }
}

function imageOf({ image }: InboxEntry): HTMLElement[] | undefined {
  const source = safeLink(image ?? undefined, location.href)
  if (source === undefined) return undefined
  const picture = make('img', 'roost-inbox-image')
  picture.src = source
  picture.alt = ''
  picture.loading = 'lazy'
  return [picture]
}

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  text?: string,
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', 'roost-inbox-button', text)
  element.type = 'button'
  element.addEventListener('click', onClick)
  return element
}
