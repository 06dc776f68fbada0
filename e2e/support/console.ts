/**
 * The console in a real Chromium, in front of a real server with the demo's phones.
 *
 *   const demo = await startDemo()
 *   const console = await visit(demo.url, { language: 'ja', width: 390, scheme: 'dark' }) // of visit.ts
 *   await console.go('/devices')
 *   expect(await console.faults()).toEqual([])
 *   await console.screenshot('devices')
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, launch, type Page } from 'puppeteer-core'
import { CHROMIUM } from './chromium.ts'
import { eventually } from './eventually.ts'
import { newPage, SHOWN_WITHIN_MS } from './patience.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/roost.js', import.meta.url))
const READY_WITHIN_MS = 150_000
/** Thirty days are played one after the other. */
const MONTH_READY_WITHIN_MS = 540_000
const HEIGHT_PX = 900
/** Where screenshots go; none are taken without. */
const SCREENSHOTS = process.env.ROOST_TEST_SCREENSHOTS

export const LANGUAGES = ['en', 'zh', 'ja', 'pt', 'ru', 'hi'] as const

/** Calls the server of a console's address by its token. Throws for all that is not answered 2xx. */
async function callServer<T>(url: string, method: string, path: string, body?: object): Promise<T> {
  const [base = '', token = ''] = url.split('#token=')
  const response = await fetch(new URL(path, base), {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

export interface RunningDemo {
  /** With the server token in its fragment. */
  readonly url: string
  /** Code of its app. */
  readonly app: string
  /** One REST call with the server token; `path` is below /v1/. Throws for all that is not answered 2xx. */
  call<T>(method: string, path: string, body?: object): Promise<T>
  close(): Promise<void>
}

/** `roost demo`, when its sends are over: an app with phones and messages. */
export function startDemo(phones = 300): Promise<RunningDemo> {
  return runDemo(['--phones', String(phones)], READY_WITHIN_MS)
}

/** `roost demo --month`, when the month is over: an app with thirty days of statistics that end yesterday (UTC). */
export function startMonthDemo(people: number): Promise<RunningDemo> {
  return runDemo(['--month', '--phones', String(people)], MONTH_READY_WITHIN_MS)
}

async function runDemo(options: readonly string[], withinMs: number): Promise<RunningDemo> {
  const child = spawn(process.execPath, [PROGRAM, 'demo', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const close = () => stop(child)
  try {
    const { value } = await eventually({
      what: 'the address of the console',
      read: async () => {
        if (child.exitCode !== null) throw new Error(`roost demo ended with ${child.exitCode}\n${output}`)
        return /stays open: (\S+)/.exec(output)?.[1]
      },
      until: url => url !== undefined,
      withinMs,
    })
    return await knownBy(value as string, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function knownBy(url: string, close: RunningDemo['close']): Promise<RunningDemo> {
  const call: RunningDemo['call'] = (method, path, body) => callServer(url, method, `v1/${path}`, body)
  const { apps } = await call<{ apps: { code: string }[] }>('GET', 'apps')
  return { url, app: apps[0]?.code ?? '', call, close }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

export interface ConsoleOptions {
  /** 1440 unless given; 390 is a phone. */
  readonly width?: number
  readonly scheme?: 'light' | 'dark'
  readonly language?: string
}

export interface Look {
  readonly width: number
  readonly scheme: 'light' | 'dark'
}

export interface FaultOptions {
  /** Default: in English alone. Contrasts take half of the time, and `console.e2e.test.ts` looks at every page in all colours. */
  readonly withContrast?: boolean
}

export interface OpenConsole {
  readonly page: Page
  /** A path below the app that is open, as "/devices", and waits until it is there. */
  go(path: string): Promise<void>
  /** Any path of the route table, as "/account". */
  goTo(path: string): Promise<void>
  /** The same page on another screen or in other colours. */
  look(as: Look): Promise<void>
  /** Until nothing on the page is on its way. */
  settled(): Promise<void>
  /** What nobody should have to see: findings of axe-core, missing texts, scrolling to the side, errors. */
  faults(options?: FaultOptions): Promise<string[]>
  screenshot(name: string): Promise<void>
  close(): Promise<void>
}

/** A browser of its own: no cookies, nothing kept. One that could not open the page is closed again. */
export async function openConsole(url: string, options: ConsoleOptions = {}): Promise<OpenConsole> {
  const { language = 'en' } = options
  const browser: Browser = await launch({
    browser: 'chrome',
    executablePath: CHROMIUM,
    headless: true,
    timeout: SHOWN_WITHIN_MS,
    args: [
      `--lang=${language}`,
      // Chromium's sandbox refuses to run as root, which is who runs the tests in a plain container.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
  try {
    return await openIn(browser, url, { ...options, language })
  } catch (error) {
    await browser.close()
    throw error
  }
}

async function openIn(
  browser: Browser,
  url: string,
  { width = 1440, scheme = 'light', language = 'en' }: ConsoleOptions,
): Promise<OpenConsole> {
  const page = await newPage(browser)
  const thrown: string[] = []
  page.on('pageerror', error => thrown.push(`error: ${String(error)}`))
  const look = async (as: Look): Promise<void> => {
    ;({ width, scheme } = as)
    await page.setViewport({ width, height: HEIGHT_PX })
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await page.waitForFunction(isLookedAt, {}, as)
  }
  await look({ width, scheme })
  await page.evaluateOnNewDocument(kept => localStorage.setItem('roost.language', kept), language)
  const settled = async (): Promise<void> => {
    await page.waitForSelector('h1')
    await page.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root'))
  }
  await page.goto(url)
  await settled()
  const app = /#\/apps\/([^/?]+)/.exec(page.url())?.[1]
  const goTo = async (path: string): Promise<void> => {
    // the page that is left stays until the next one is there
    await page.evaluate(next => {
      if (location.hash !== next) document.querySelector('h1')?.setAttribute('data-left', '')
      location.hash = next
    }, `#${path}`)
    await page.waitForSelector('h1:not([data-left])')
    await settled()
  }
  return {
    page,
    settled,
    look,
    goTo,
    go: path => goTo(`/apps/${app}${path}`),
    faults: async ({ withContrast = language === 'en' } = {}) => {
      await comesToRest(page)
      return [...thrown.splice(0), ...(await textFaults(page)), ...(await axeFaults(page, withContrast))]
    },
    screenshot: async name => {
      if (SCREENSHOTS === undefined) return
      await mkdir(SCREENSHOTS, { recursive: true })
      const path = join(SCREENSHOTS, `${name}-${width}-${scheme}-${language}.png`)
      await page.screenshot({ path: path as `${string}.png`, fullPage: true })
    },
    close: () => browser.close(),
  }
}

async function textFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const missing = document.body.innerText.match(/⟦[^⟧]*⟧/g) ?? []
    const { scrollWidth, clientWidth } = document.documentElement
    const wide =
      scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide on a screen of ${clientWidth}`] : []
    return [...missing.map(key => `no text: ${key}`), ...wide]
  })
}

/** In the page: its colours and its width are those that were asked for; before it is loaded it has none. */
function isLookedAt({ width, scheme }: Look): boolean {
  const { mantineColorScheme: shown = scheme } = document.documentElement.dataset
  return shown === scheme && innerWidth === width
}

/** What fades in has other contrasts on its way, and charts follow the width a frame later. A spinner never rests, and is not waited for. */
async function comesToRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame)
  })
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .every(it => it.playState !== 'running' || it.effect?.getComputedTiming().iterations === Infinity),
  )
}

/** Serious and critical findings alone. */
async function axeFaults(page: Page, withContrast: boolean): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async enabled => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, {
      resultTypes: ['violations'],
      rules: { 'color-contrast': { enabled } },
    })
    return violations.map(({ id, impact, help, nodes }) => ({
      impact: impact ?? '',
      words: `${id}: ${help} (${nodes
        .slice(0, 3)
        .map(({ html }) => html.slice(0, 160))
        .join(' | ')})`,
    }))
  }, withContrast)
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ words }) => words)
}
