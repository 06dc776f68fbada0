/**
 * What a device of a gateway would show of content in a language, before the server has rendered it, and where it got
 * each text from: so that who leaves out a translation sees what is shown in its place.
 *
 * The server's own rules, field by field, later over earlier: the content itself; its `languages` from the shortest ("pt")
 * to the longest ("pt-BR"); what is given for the gateway; the `languages` of that. An empty text of a language is none.
 * Source: docs/messages.md, "Languages" and "Gateways".
 */
import { type GatewayName, PART_OF_GATEWAY } from './draft.ts'

export const WORD_FIELDS = ['title', 'subtitle', 'body', 'image', 'icon', 'url', 'sound'] as const
export type WordField = (typeof WORD_FIELDS)[number]

export interface ShownButton {
  readonly title: string
}

export interface Shown {
  readonly title: string
  readonly subtitle: string
  readonly body: string
  readonly image: string
  readonly icon: string
  readonly buttons: readonly ShownButton[]
}

type Given = Readonly<Record<string, unknown>>

/** Where a text comes from: the language's own, a shorter language, the gateway, or the text for all. */
export type Source = 'own' | 'gateway' | 'all' | { readonly language: string }

export function shownOf(content: Given, gateway: GatewayName, language: string | undefined): Shown {
  const layers = layersOf(content, gateway, language)
  const text = (field: WordField): string => {
    const found = layers.findLast(({ words }) => isText(words[field]))
    return found ? String(found.words[field]) : ''
  }
  const buttons = layers.findLast(({ words }) => Array.isArray(words.buttons))?.words.buttons ?? []
  return {
    title: text('title'),
    subtitle: gateway === 'apns' ? text('subtitle') : '',
    body: text('body'),
    image: text('image'),
    icon: text('icon'),
    // on iOS the app has them, by its category
    buttons: gateway === 'apns' ? [] : (buttons as readonly ShownButton[]),
  }
}

/** What stands in for a text that a language leaves out; undefined when nobody has one. */
export function sourceOf(content: Given, language: string, field: WordField): Source | undefined {
  const found = layersOf(content, undefined, language).findLast(({ words }) => isText(words[field]))
  return found?.source
}

interface Layer {
  readonly words: Given
  readonly source: Source
}

function layersOf(content: Given, gateway: GatewayName | undefined, language: string | undefined): Layer[] {
  const own = gateway === undefined ? {} : objectOf(content[PART_OF_GATEWAY[gateway]])
  return [
    { words: content, source: 'all' },
    ...languageLayers(objectOf(content.languages), language),
    { words: own, source: 'gateway' },
    ...languageLayers(objectOf(own.languages), language),
  ]
}

/** Those that fit, the shortest first. */
function languageLayers(languages: Given, language: string | undefined): Layer[] {
  if (language === undefined) return []
  const asked = normal(language)
  return Object.keys(languages)
    .filter(name => asked === normal(name) || asked.startsWith(`${normal(name)}-`))
    .sort((a, b) => a.length - b.length)
    .map(name => ({
      words: objectOf(languages[name]),
      source: normal(name) === asked ? 'own' : { language: name },
    }))
}

function normal(language: string): string {
  return language.toLowerCase().replaceAll('_', '-')
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function objectOf(value: unknown): Given {
  return typeof value === 'object' && value !== null ? (value as Given) : {}
}

const OUTPUT = /\{\{-?\s*([^|}]+?)\s*(?:\|([^}]*?))?\s*-?\}\}/g
const TAG = /\{%.*?%\}/g

/** Variables by their defaults, or by their names in brackets. What a device would have says only the server. */
export function filledIn(text: string, defaults: Readonly<Record<string, unknown>>): string {
  return text
    .replace(OUTPUT, (_, name: string, filters: string | undefined) => {
      const inline = /default:\s*["']([^"']*)["']/.exec(filters ?? '')?.[1]
      const value = defaults[keyOf(name)] ?? inline
      return value === undefined ? `[${nameOf(name)}]` : String(value)
    })
    .replace(TAG, '')
}

/** `tags.Name` and `tags["First Name"]` → the tag's name. */
function nameOf(variable: string): string {
  return /^tags(?:\.|\[["'])(.+?)(?:["']\])?$/.exec(variable)?.[1] ?? variable
}

/** `tags["First Name"]` → `tags.First Name` */
function keyOf(variable: string): string {
  return variable.replace(/\[["'](.*?)["']\]/g, '.$1')
}

const NAMED = /\{\{-?\s*((?:tags|user|device|event)(?:\.[\w-]+|\[(?:"[^"]*"|'[^']*')\])+)/g

/** Variables that the texts name, as `defaults` names them: each once, in the order in which they come. */
export function variablesIn(texts: readonly string[]): string[] {
  const found = texts.flatMap(text => [...text.matchAll(NAMED)].map(match => keyOf(match[1] ?? '')))
  return [...new Set(found)]
}

/** How a template names a tag. */
export function variableOfTag(tag: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(tag) ? `tags.${tag}` : `tags["${tag.replaceAll('"', '')}"]`
}
