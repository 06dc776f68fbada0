/**
 * What a page of the console says in another language than English, held against the same page in English: words that are the same
 * were forgotten, unless they are names. Names are those of the data, and what makers call their things.
 */
import type { Page } from 'puppeteer-core'

/** What is called so in every language. */
const NAMES = new Set(
  `Roost Apple Google Firebase Android iOS iPadOS macOS Windows Chrome Chromium Safari Firefox Edge Huawei HarmonyOS Mozilla
  APNs FCM HMS VAPID Web Push Kit Cloud Messaging Play App Store Connect Developer Console Xcode Swift Kotlin JavaScript TypeScript
  API APIs REST JSON NDJSON CSV PEM QR ID URL URLs HTTP HTTPS TLS UTC GMT AM PM SDK SDKs IP CPU OK SHA ICU TTL PNG JPEG GIF WebP
  KB MB GB KiB MiB kB token tokens push webhook Webhook hwid id ids cron email Ctrl K Esc Enter vs
  app apps Live Activity Activities VoIP PushKit email userId title body data e-mail
  iPhone Server administrator UNREGISTERED Unregistered POST PUT PATCH DELETE en
  English Português`.split(/\s+/),
)
/** Words that one language has taken from English as they are. */
const TAKEN: Readonly<Record<string, readonly string[]>> = { pt: ['Token', 'Apps', 'Webhooks', 'sandbox'] }
/** An id of which the middle is left out; before names are taken out, since one that is a digit is in many. */
const ELIDED = /\S*…\S*/g
/** A code, an address, a path, and a number with its unit. */
const MACHINES = [
  /\S*[A-Za-z\d][@./][A-Za-z\d{]\S*|\/v1\S*/g,
  /\b[\dA-Z]{5}-[\dA-Z]{5}\b|\b\w+-[\da-f]{6}\b|\broost_\S+/g,
  /\d ?(?:ms|[kKMG]?i?B|s|h|d)\b/g,
]
/** Of a moment as machines write it, and of what only machines tell apart. */
const RAW = /\b\d{4}-\d\d-\d\dT\d\d:\d\d|\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/

/** Every visible text of the page by itself, and what stands in for texts; code and what is marked as another language are not. */
export function textsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const skipped = `code, pre, script, style, textarea, body [lang]:not([lang="${document.documentElement.lang}"])`
    const found: string[] = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement
      if (parent === null || parent.closest(skipped) !== null || !parent.checkVisibility()) continue
      found.push(node.textContent ?? '')
    }
    for (const element of document.querySelectorAll('[aria-label], [placeholder], [title], [alt]'))
      if (element.closest(skipped) === null && element.checkVisibility())
        for (const name of ['aria-label', 'placeholder', 'title', 'alt'])
          found.push(element.getAttribute(name) ?? '')
    return [...new Set(found.map(it => it.trim()).filter(it => it !== ''))]
  })
}

/** Those of them that show what only machines read; a hwid is the name of a device. */
export function rawAmong(texts: readonly string[], data: ReadonlySet<string>): string[] {
  return texts.filter(text => RAW.test(text) && ![...data].some(name => name !== '' && text.includes(name)))
}

/** Those that stand in the English page as well, and have words that are no names. */
export function leftOversAmong(
  texts: readonly string[],
  english: ReadonlySet<string>,
  { language, data }: { readonly language: string; readonly data: ReadonlySet<string> },
): string[] {
  const taken = TAKEN[language] ?? []
  const own = [...data].toSorted((a, b) => b.length - a.length)
  return texts.filter(text => {
    if (!english.has(text)) return false
    const told = text.replaceAll(ELIDED, ' ')
    const rest = own.reduce((left, name) => (name === '' ? left : left.replaceAll(name, ' ')), told)
    const plain = MACHINES.reduce((left, each) => left.replaceAll(each, ' '), rest)
    const words = plain.match(/[A-Za-z][A-Za-z-]+/g) ?? []
    return words.some(word => !NAMES.has(word) && !taken.includes(word))
  })
}

/** What is somebody's own, by the key that the server tells it under. */
const OWN =
  /^(hwid|userId|title|body|name|label|campaign|city|plan|deviceModel|osVersion|appVersion|addressEnd)$/

/** The names in an answer of the server; states and reasons, which have texts, are none. */
export function namesOf(answer: unknown, into: Set<string>): void {
  if (typeof answer !== 'object' || answer === null) return
  for (const [key, value] of Object.entries(answer)) {
    if (typeof value === 'string' && OWN.test(key)) into.add(value)
    else namesOf(value, into)
  }
}
