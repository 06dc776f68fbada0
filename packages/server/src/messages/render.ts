/**
 * From content to notifications of one gateway. A Renderer is made once for a claim of a batch.
 *
 * What has no template is rendered once for each language that the content tells apart, and the same object is handed
 * out again: whatever is made of it further on can be made once, too. A template that names no variable is rendered for each
 * device, since it may take the time or a part of a list at random.
 */
import type { GatewayName, Notification } from '@roost/gateways'
import { BADGE_MAX, type Content, isText } from '@roost/protocol'
import { hashOf } from '../insight/receipts.ts'
import { type Needs, needsOf, type RecipientFacts } from './facts.ts'
import { fallbacksOf } from './language.ts'
import {
  Budget,
  type CompiledText,
  compileText,
  isTemplate,
  MissingVariable,
  type RenderOptions,
  type Scope,
  TemplateFault,
  type VariablePath,
} from './template.ts'

/** What is rendered: a message, or what is about to become one. */
export interface Rendering {
  readonly messageId: string
  readonly content: Content
  readonly ttlSeconds: number
  readonly priority: 'high' | 'normal'
  readonly collapseKey: string | null
  /** What receipts name it by. Default: the message's. */
  readonly hash?: string
}

export type Rendered =
  | { readonly kind: 'notification'; readonly notification: Notification }
  /** A variable without a value, or nothing to show. */
  | { readonly kind: 'skip'; readonly reason: string }
  /** Its template can't be rendered with what this device has. */
  | { readonly kind: 'fault'; readonly reason: string }

/** How much was rendered, by whether it served all of a language or one device. */
export interface RenderCounts {
  shared: number
  personal: number
}

export interface RendererOptions {
  readonly gateway: GatewayName
  readonly counts: RenderCounts
  /** Shared between renderers of one message. Default: its own. */
  readonly texts?: Texts
}

/** Languages are what devices say they are. */
const LANGUAGES_REMEMBERED = 1000

export class Renderer {
  readonly needs: Needs
  readonly variables: readonly VariablePath[]
  readonly #rendering: Rendering
  readonly #options: RendererOptions
  readonly #variants = new Map<string, Variant>()
  readonly #variantOfLanguage = new Map<string, Variant>()

  /** Throws TemplateFault for content that createMessage would refuse. */
  constructor(rendering: Rendering, options: RendererOptions) {
    this.#rendering = rendering
    this.#options = { texts: new Map(), ...options }
    const variants = languagesOf(rendering.content, options.gateway).map(it => this.#variantFor(it))
    this.variables = variants.flatMap(it => it.variables)
    this.needs = needsOf(this.variables, {
      language: variants.length > 1,
      badge: variants.some(it => it.counted === '+1'),
      unread: variants.some(it => it.counted === 'unread'),
    })
  }

  /** Undefined when it depends on what a device has; a badge that is counted is the widest. */
  constantFor(language: string): Rendered | undefined {
    return this.#variantFor(language).constant()
  }

  /** `facts` as read by `needs`. */
  notificationFor({ facts }: { readonly facts: RecipientFacts | null }): Rendered {
    return this.#variantFor(facts?.language ?? '').render(facts ?? {})
  }

  #variantFor(language: string): Variant {
    const known = this.#variantOfLanguage.get(language)
    if (known !== undefined) return known
    const content = contentFor(this.#rendering.content, this.#options.gateway, language)
    const variant = this.#variants.get(content.key) ?? this.#compile(content.shown)
    this.#variants.set(content.key, variant)
    if (this.#variantOfLanguage.size >= LANGUAGES_REMEMBERED) this.#variantOfLanguage.clear()
    this.#variantOfLanguage.set(language, variant)
    return variant
  }

  #compile(shown: Shown): Variant {
    return new Variant(shown, this.#rendering, this.#options)
  }
}

/** '' for a device of any other language, and each that the content names for this gateway. */
export function languagesOf(content: Content, gateway: GatewayName): string[] {
  const own = ownOf(content, gateway)
  const names = [content.languages, own?.languages].flatMap(it => Object.keys(it ?? {}))
  return ['', ...new Set(names)]
}

/** Content of one language at one gateway. */
type Shown = Omit<Content, 'languages' | 'apns' | 'fcm' | 'webPush' | 'hms' | 'defaults' | 'onMissing'> & {
  readonly ttlSeconds?: number | undefined
  /** In the gateway's own words. */
  readonly options: Readonly<Record<string, unknown>>
}

/** Which languages it was put together from is its key. */
function contentFor(
  content: Content,
  gateway: GatewayName,
  language: string,
): { readonly key: string; readonly shown: Shown } {
  const { languages, apns, fcm, webPush, hms, defaults, onMissing, ...common } = content
  const { languages: ownLanguages, ...own } = ownOf(content, gateway) ?? {}
  const wanted = fallbacksOf(language)
  const shared = wordsIn(languages, wanted)
  const special = wordsIn(ownLanguages, wanted)
  const optionNames: readonly string[] = OPTION_NAMES[gateway]
  const entries = Object.entries(own)
  const options = Object.fromEntries(entries.filter(([name]) => optionNames.includes(name)))
  const ownWords = Object.fromEntries(entries.filter(([name]) => !optionNames.includes(name)))
  return {
    key: `${shared.names}/${special.names}`,
    shown: { ...common, ...shared.words, ...ownWords, ...special.words, options },
  }
}

const OPTION_NAMES = {
  apns: ['pushType', 'priority', 'aps', 'payload'],
  fcm: ['notification', 'android', 'apns', 'webpush', 'fcmOptions'],
  webpush: ['urgency', 'topic', 'payload'],
  hms: ['android'],
} as const

type Languages = NonNullable<Content['languages']>

function wordsIn(
  languages: Languages | undefined,
  wanted: readonly string[],
): { readonly names: string; readonly words: Languages[string] } {
  const found = Object.entries(languages ?? {}).filter(([name]) => wanted.includes(name.toLowerCase()))
  const inOrder = found.sort(([one], [other]) => one.length - other.length)
  return {
    names: inOrder.map(([name]) => name).join(),
    words: Object.assign({}, ...inOrder.map(([, words]) => givenIn(words))),
  }
}

/** What is not translated comes as an empty text from those who translate. */
function givenIn(words: Languages[string]): Languages[string] {
  return Object.fromEntries(Object.entries(words).filter(([, it]) => typeof it !== 'string' || isText(it)))
}

function ownOf(content: Content, gateway: GatewayName) {
  return { apns: content.apns, fcm: content.fcm, webpush: content.webPush, hms: content.hms }[gateway]
}

class Variant {
  readonly variables: readonly VariablePath[]
  /** Its badge is another one for each device. */
  readonly counted: '+1' | 'unread' | undefined
  readonly #rendering: Rendering
  readonly #gateway: GatewayName
  readonly #counts: RenderCounts
  readonly #shown: Shown
  readonly #compiled: Compiled
  readonly #hash: string
  readonly #messageKey: string | undefined
  /** What all have that differ in their words alone; undefined when they differ in more. */
  readonly #alike: Notification | undefined
  #shared: Rendered | undefined

  constructor(shown: Shown, rendering: Rendering, { gateway, counts, texts = new Map() }: RendererOptions) {
    this.#shown = shown
    this.#rendering = rendering
    this.#gateway = gateway
    this.#counts = counts
    this.#compiled = compile(shown, texts)
    this.variables = this.#compiled.variables
    this.counted = typeof shown.badge === 'string' ? shown.badge : undefined
    const messageKey = hashOf(rendering.messageId)
    this.#hash = rendering.hash ?? messageKey
    this.#messageKey = messageKey === this.#hash ? undefined : messageKey
    const { title, subtitle, body, ...others } = shown
    const isWordsAlone = this.counted === undefined && compile(others, texts).render === undefined
    this.#alike = isWordsAlone ? { ...this.#notificationOf(shown), likeness: {} } : undefined
  }

  render(facts: RecipientFacts): Rendered {
    const rendered =
      this.#compiled.render === undefined ? this.#forAll() : this.#forOne(facts, this.#compiled.render)
    if (this.counted === undefined || rendered.kind !== 'notification') return rendered
    return {
      kind: 'notification',
      notification: { ...rendered.notification, badge: badgeOf(this.counted, facts) },
    }
  }

  constant(): Rendered | undefined {
    return this.variables.length === 0 ? this.render({ badge: BADGE_MAX, unread: BADGE_MAX }) : undefined
  }

  #forAll(): Rendered {
    if (this.#shared === undefined) {
      this.#counts.shared++
      this.#shared = this.#rendered(this.#shown)
    }
    return this.#shared
  }

  #forOne(facts: RecipientFacts, render: Render): Rendered {
    this.#counts.personal++
    try {
      const { defaults, onMissing } = this.#rendering.content
      const options = { isBlank: onMissing === 'blank', budget: new Budget() }
      return this.#rendered(render(scopeOf(facts, defaults), options) as Shown)
    } catch (error) {
      if (error instanceof MissingVariable)
        return { kind: 'skip', reason: `variable_missing: ${error.variable}` }
      if (error instanceof TemplateFault)
        return { kind: 'fault', reason: `template_failed: ${error.message}` }
      throw error
    }
  }

  #rendered(shown: Shown): Rendered {
    if (shown.silent === true) return this.#silent(shown)
    const { title, subtitle, body } = shown
    if (!isText(title) && !isText(body)) return { kind: 'skip', reason: 'nothing_to_show' }
    if (this.#alike === undefined) return { kind: 'notification', notification: this.#notificationOf(shown) }
    return { kind: 'notification', notification: { ...this.#alike, title, subtitle, body } }
  }

  /** A browser takes the permission away from a site whose pushes show nothing. */
  #silent(shown: Shown): Rendered {
    if (this.#gateway === 'webpush') return { kind: 'skip', reason: 'silent_in_browsers' }
    const { options } = shown
    const own = this.#gateway === 'apns' ? { ...options, pushType: 'background' } : options
    return { kind: 'notification', notification: this.#notificationOf({ ...shown, options: own }) }
  }

  #notificationOf(shown: Shown): Notification {
    const { ttlSeconds, priority, collapseKey } = this.#rendering
    const options = Object.keys(shown.options).length > 0 ? shown.options : undefined
    return {
      hash: this.#hash,
      title: shown.title,
      subtitle: shown.subtitle,
      body: shown.body,
      imageUrl: shown.image,
      iconUrl: shown.icon,
      url: shown.url,
      sound: shown.sound,
      badge: typeof shown.badge === 'number' ? shown.badge : undefined,
      buttons: shown.buttons,
      data: shown.data,
      root: shown.root,
      category: shown.category,
      channel: shown.channel,
      interruptionLevel: shown.interruptionLevel,
      ttlSeconds: shown.ttlSeconds ?? ttlSeconds,
      priority,
      collapseKey: collapseKey ?? undefined,
      messageKey: this.#messageKey,
      [OPTIONS_OF[this.#gateway]]: options,
    }
  }
}

const OPTIONS_OF = { apns: 'apns', fcm: 'fcm', webpush: 'webPush', hms: 'hms' } as const

function badgeOf(counted: '+1' | 'unread', { badge = 0, unread = 0 }: RecipientFacts): number {
  return Math.min(counted === '+1' ? badge + 1 : unread, BADGE_MAX)
}

function scopeOf(
  { tags = {}, device = {}, user = {}, event = {} }: RecipientFacts,
  defaults: Content['defaults'],
): Scope {
  if (defaults === undefined) return { tags, device, user, event }
  const scope: Record<string, Record<string, unknown>> = {
    tags: { ...tags },
    device: { ...device },
    user: { ...user },
    event: { ...event },
  }
  for (const [variable, value] of Object.entries(defaults)) {
    const [root, name] = partsOf(variable)
    const values = scope[root]
    if (values !== undefined && !Object.hasOwn(values, name)) values[name] = value
  }
  return scope
}

/** "tags.First Name" in two. */
export function partsOf(variable: string): [root: string, name: string] {
  const dot = variable.indexOf('.')
  return dot < 0 ? [variable, ''] : [variable.slice(0, dot), variable.slice(dot + 1)]
}

/** Compiled ones, by what is written. */
export type Texts = Map<string, CompiledText>

interface Compiled {
  readonly variables: readonly VariablePath[]
  /** Undefined when nothing in it is a template. */
  readonly render: Render | undefined
}

type Render = (scope: Scope, options: RenderOptions) => unknown

const CONSTANT: Compiled = { variables: [], render: undefined }

/** Texts anywhere in a value may be templates; keys are not. Throws TemplateFault, whose message begins with the place. */
function compile(value: unknown, texts: Texts): Compiled {
  if (typeof value === 'string') return isTemplate(value) ? compileOnce(value, texts) : CONSTANT
  if (typeof value !== 'object' || value === null) return CONSTANT
  const parts = Object.entries(value).map(([key, part]) => [key, compileAt(key, part, texts)] as const)
  const variables = parts.flatMap(([, part]) => part.variables)
  const changing = parts.flatMap(([key, { render }]) =>
    render === undefined ? [] : [[key, render] as const],
  )
  if (changing.length === 0) return CONSTANT
  const fill: (...given: Parameters<Render>) => [string, unknown][] = (scope, options) =>
    changing.map(([key, render]) => [key, render(scope, options)])
  if (Array.isArray(value)) {
    return { variables, render: (...given) => Object.assign([...value], Object.fromEntries(fill(...given))) }
  }
  return { variables, render: (...given) => ({ ...value, ...Object.fromEntries(fill(...given)) }) }
}

function compileAt(key: string, part: unknown, texts: Texts): Compiled {
  try {
    return compile(part, texts)
  } catch (error) {
    if (error instanceof TemplateFault) throw new TemplateFault(`${key}: ${error.message}`, { cause: error })
    throw error
  }
}

/** Most languages share most texts. */
function compileOnce(text: string, texts: Texts): CompiledText {
  const known = texts.get(text)
  if (known !== undefined) return known
  const compiled = compileText(text)
  texts.set(text, compiled)
  return compiled
}
