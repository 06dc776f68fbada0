/**
 * Takes the pictures of README and docs: `npm run screenshots` plays a month of the demo, opens the console in Debian's
 * Chromium, and writes docs/images/*.png. Look at them before they are committed. A month that stays open already is not played again:
 * `npm run screenshots -- <its address>`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { launch } from 'puppeteer-core'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))
const FOLDER = fileURLToPath(new URL('../docs/images', import.meta.url))
const CHROMIUM = process.env.ROOST_TEST_CHROMIUM ?? '/usr/bin/chromium'

/** Below the app, by the name of the picture; `open` is what is clicked first, `write` what is typed, by the name of its field. */
const PICTURES = [
  { name: 'console', path: '' },
  { name: 'report', path: '/messages', open: 'main table a, main [role=row] a' },
  {
    name: 'compose',
    path: '/messages/new',
    write: { Title: 'Your order is on its way', Text: 'It comes today between 4 and 6 pm.' },
  },
  {
    name: 'segment',
    path: '/segments/new',
    write: {
      Name: 'Quiet phones',
      'As an expression': 'F("platform", IN, ["ios", "android"]) * F("lastSeenAt", daysago, GTE, 7)',
    },
  },
  { name: 'device', path: '/devices', open: 'main table a, main [role=row] a' },
  { name: 'hygiene', path: '/hygiene/removals' },
  { name: 'guide', path: '/guide' },
]

const [open] = process.argv.slice(2)
if (open === undefined) await playAndTake()
else await take(open)

async function playAndTake() {
  process.stdout.write('A month is played first, which takes some minutes …\n')
  const demo = spawn(process.execPath, [PROGRAM, 'demo', '--month'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await take(await addressOf(demo))
  } finally {
    demo.kill('SIGTERM')
    if (demo.exitCode === null) await once(demo, 'exit')
  }
}

/** Of the console, with its token. */
function addressOf(child) {
  let output = ''
  return new Promise((resolve, reject) => {
    child.stdout.on('data', chunk => {
      output += chunk
      const url = /stays open: (\S+)/.exec(output)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', () => reject(new Error(`The demo ended before it was open:\n${output}`)))
  })
}

async function take(url) {
  const browser = await launch({
    executablePath: CHROMIUM,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
  try {
    for (const picture of PICTURES) await takeOne(await browser.newPage(), url, picture)
  } finally {
    await browser.close()
  }
}

/** On a page of its own: one that was written on asks before it is left. */
async function takeOne(page, url, { name, path, open, write = {} }) {
  await page.setViewport({ width: 1440, height: 900 })
  await page.evaluateOnNewDocument(() => localStorage.setItem('roost.language', 'en'))
  await page.goto(url)
  await drawn(page)
  const app = /#\/apps\/([^/?]+)/.exec(page.url())?.[1]
  await go(page, `#/apps/${app}${path}`)
  if (open !== undefined) await go(page, await page.$eval(open, link => link.hash))
  for (const [field, text] of Object.entries(write)) {
    await page.locator(`::-p-aria([name="${field}"][role="textbox"])`).fill(text)
    await drawn(page)
  }
  await page.screenshot({ path: `${FOLDER}/${name}.png` })
  process.stdout.write(`docs/images/${name}.png\n`)
}

async function go(page, hash) {
  await page.evaluate(next => {
    if (location.hash !== next) document.querySelector('h1')?.setAttribute('data-left', '')
    location.hash = next
  }, hash)
  await page.waitForSelector('h1:not([data-left])')
  await drawn(page)
}

/** Nothing is loading, and charts have come to rest. */
async function drawn(page) {
  await page.waitForSelector('h1')
  await page.waitForNetworkIdle({ idleTime: 500, concurrency: 1 }) // the stream of live values stays open
  await page.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root'))
}
