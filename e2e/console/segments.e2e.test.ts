/** The pages of segments and lists in a real Chromium, in front of a real server with the demo's phones. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Condition, SegmentSize, SegmentView, SuggestedNames, SuggestedValues } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  type ConsoleOptions,
  LANGUAGES,
  type OpenConsole,
  type RunningDemo,
  startDemo,
} from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { rewrite } from '../support/hands.ts'
import { visit } from '../support/visit.ts'

const COMPUTED_WITHIN_MS = 60_000

let demo: RunningDemo
let app: string

beforeAll(async () => {
  demo = await startDemo()
  app = demo.app
})
afterAll(() => demo.close())

const open = (options?: ConsoleOptions) => visit(demo.url, options)

async function create(name: string, condition: Condition, more: object = {}): Promise<string> {
  return (await demo.call<{ id: string }>('POST', `apps/${app}/segments`, { name, condition, ...more })).id
}

const read = (id: string) => demo.call<SegmentView>('GET', `apps/${app}/segments/${id}`)

const ANDROID: Condition = { field: 'platform', op: 'in', value: ['android'] }

/** What stands on the page, or a dialog of it. */
function sees({ page }: OpenConsole, words: string): Promise<unknown> {
  return page.waitForFunction(text => document.body.innerText.includes(text), {}, words)
}

async function isTitled({ page }: OpenConsole, title: string): Promise<void> {
  await page.waitForFunction(words => document.querySelector('h1')?.textContent === words, {}, title)
}

async function press({ page }: OpenConsole, name: string): Promise<void> {
  await page.locator(`::-p-aria([name="${name}"][role="button"])`).click()
}

/** An entry of the list that a field opens, or of a menu. */
async function choose({ page }: OpenConsole, field: string, option: string): Promise<void> {
  await page.locator(field).click()
  await page.locator(`::-p-aria([name="${option}"][role="option"])`).click()
}

async function fill({ page }: OpenConsole, field: string, text: string): Promise<void> {
  const found = await page.waitForSelector(field, { visible: true })
  if (found) await rewrite(found, text)
}

const TEXT = 'textarea[aria-label="As an expression"]'

function textOf({ page }: OpenConsole): Promise<string> {
  return page.$eval(TEXT, element => (element as HTMLTextAreaElement).value)
}

async function textIs(console: OpenConsole, text: string): Promise<void> {
  await console.page.waitForFunction(
    (field, wanted) => document.querySelector<HTMLTextAreaElement>(field)?.value === wanted,
    {},
    TEXT,
    text,
  )
}

describe('a segment', () => {
  test('takes what is typed for a value, also where a menu was left open', async () => {
    const console = await open()
    const { page, go } = console
    await go('/segments/new')
    await press(console, 'Add a condition')
    await page.waitForSelector('[role="menu"]', { visible: true })
    await page.locator('input[aria-label="Values"]').click()
    await page.waitForFunction(() => document.querySelector('[role="menu"]') === null)
    await page.keyboard.type('Android')
    await page.keyboard.press('Enter')
    await page.waitForFunction(
      field => document.querySelector<HTMLTextAreaElement>(field)?.value.includes('"android"'),
      {},
      TEXT,
    )
  })

  test('is built of groups with its size beside it, saved, and comes back as it was', async () => {
    const console = await open()
    const { page, go, settled } = console
    await go('/segments')
    await page.locator('::-p-aria([name="New segment"][role="link"])').click()
    await isTitled(console, 'New segment')
    await settled()
    await fill(console, 'form input[maxlength="200"]', 'Phones or a plan')
    await choose(console, 'input[aria-label="Values"]', 'Android')
    await page.keyboard.press('Escape')
    await press(console, 'Add a group')
    const { values } = await demo.call<{ values: { value: string }[] }>(
      'GET',
      `apps/${app}/suggestions/values?tag=plan`,
    )
    const plan = values[0]?.value ?? ''
    await choose(console, 'fieldset fieldset fieldset input[aria-label="Name of the tag"]', 'plan')
    await choose(console, 'fieldset fieldset fieldset input[aria-label="Value"]', plan)
    const condition: Condition = { and: [ANDROID, { or: [{ tag: 'plan', op: 'eq', value: plan }] }] }
    const { expression, size } = await demo.call<{ expression: string; size: SegmentSize }>(
      'POST',
      `apps/${app}/segments/compile`,
      { condition, reach: true },
    )
    await textIs(console, expression)
    await page.waitForFunction(
      count => document.querySelector('section[aria-label="Size"]')?.textContent?.includes(`${count}device`),
      {},
      String(size.exact),
    )
    await press(console, 'Save')
    await isTitled(console, 'Phones or a plan')
    await page.reload()
    await settled()
    await page.locator('::-p-aria([name="Edit"][role="link"])').click()
    await isTitled(console, 'Edit “Phones or a plan”')
    await textIs(console, expression)
    const { segments } = await demo.call<{ segments: SegmentView[] }>('GET', `apps/${app}/segments`)
    expect(segments.find(({ name }) => name === 'Phones or a plan')?.condition).toEqual(condition)
  })

  test('says beside its fields what is missing, and keeps what was typed', async () => {
    const console = await open()
    await console.go('/segments/new')
    await press(console, 'Save')
    await sees(console, 'Give it a name.')
    await sees(console, 'Give at least one value.')
    await create('Taken', ANDROID)
    await fill(console, 'form input[maxlength="200"]', 'Taken')
    await choose(console, 'input[aria-label="Values"]', 'iOS')
    await press(console, 'Save')
    await sees(console, 'This app has a segment “Taken” already')
    expect(await console.faults()).toEqual([])
  })

  test('that is half written is not left without a question', async () => {
    const console = await open()
    const { page, go } = console
    await go('/segments/new')
    await fill(console, 'form input[maxlength="200"]', 'Half written')
    await page.locator('::-p-aria([name="Back to Segments"][role="link"])').click()
    await sees(console, 'Leave without saving?')
    await press(console, 'Stay')
    await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
    expect(await page.$eval('form input[maxlength="200"]', input => (input as HTMLInputElement).value)).toBe(
      'Half written',
    )
    await isTitled(console, 'New segment')
  })

  test('can be looked at and not changed by whoever may only read', async () => {
    const id = await create('Only to read', ANDROID)
    const asked = { name: 'reader', scopes: ['read'] }
    const { token } = await demo.call<{ token: string }>('POST', `apps/${app}/tokens`, asked)
    const console = await visit(demo.url.replace(/token=.*/, `token=${token}`))
    const { page, go } = console
    await go(`/segments/${id}`)
    await sees(console, 'View only')
    await page.waitForSelector('[data-row]')
    const buttons = await page.$$eval('main button, main a', all => all.map(it => it.textContent))
    for (const verb of ['Edit', 'Export', 'Unregister…', 'Send a message'])
      expect(buttons).not.toContain(verb)
    await go('/segments')
    await sees(console, 'Only to read')
    expect(await page.$$('::-p-aria([name="New segment"][role="link"])')).toEqual([])
    await go('/lists')
    expect(await page.$$('::-p-aria([name="New list"][role="button"])')).toEqual([])
  })

  test('is written as an expression, too: the form follows, and an error is shown at its place', async () => {
    const console = await open()
    const { page, go } = console
    await go('/segments/new')
    await fill(console, TEXT, 'T("plan", LIKE, "free")')
    await sees(console, 'An operator is one of these: eq')
    await press(console, 'Show the place')
    const chosen = await page.$eval(TEXT, element => {
      const { value, selectionStart } = element as HTMLTextAreaElement
      return value.slice(selectionStart)
    })
    expect(chosen.startsWith('LIKE')).toBe(true)
    await fill(console, TEXT, 'T("plan", EQ, "free") + Event("Purchase", atLeast 3)')
    await page.waitForSelector('input[aria-label="Name of the event"][value="Purchase"]')
    await choose(console, 'fieldset input[aria-label="How these are combined"]', 'None of these')
    await page.waitForFunction(
      field => document.querySelector<HTMLTextAreaElement>(field)?.value.includes('\\'),
      {},
      TEXT,
    )
    expect(await textOf(console)).toContain('Event("Purchase", atLeast 3)')
  })

  test('says in the reader’s language what is wrong with its expression', async () => {
    const console = await open({ language: 'pt' })
    await console.go('/segments/new')
    await fill(console, 'textarea[aria-label="Como expressão"]', 'T("plan", LIKE, "free")')
    await sees(console, 'Um operador é um destes: eq')
    expect(await console.faults()).toEqual([])
  })

  test('is told nothing any more of what was mended', async () => {
    await create('Taken by another', ANDROID)
    const console = await open()
    const { page, go } = console
    await go('/segments/new')
    await press(console, 'Save')
    await sees(console, 'Give at least one value.')
    await fill(console, TEXT, 'T("plan", LIKE, "free")')
    await page.waitForFunction(() => !document.body.innerText.includes('Give at least one value.'))
    await sees(console, 'An operator is one of these: eq')
    await fill(console, TEXT, 'T("plan", EQ, "free")')
    await page.waitForFunction(() => !document.querySelector('[role=alert]'))
    await fill(console, 'form input[maxlength="200"]', 'Taken by another')
    await press(console, 'Save')
    await sees(console, 'This app has a segment “Taken by another” already')
    await fill(console, 'form input[maxlength="200"]', 'Free')
    await page.waitForFunction(() => !document.body.innerText.includes('this app has a segment'))
    await press(console, 'Save')
    await isTitled(console, 'Free')
  })

  test('is begun with an example that names what the app has', async () => {
    const console = await open()
    const { page, go } = console
    await go('/segments/new')
    await press(console, 'Examples')
    const { tags } = await demo.call<SuggestedNames>('GET', `apps/${app}/suggestions`)
    const tag = tags.find(({ type }) => type === 'string')?.name ?? ''
    const { values } = await demo.call<SuggestedValues>('GET', `apps/${app}/suggestions/values?tag=${tag}`)
    const example = `T("${tag}", EQ, "${values[0]?.value}")`
    await page.waitForFunction(
      text => [...document.querySelectorAll('li button')].find(it => it.textContent === text),
      {},
      example,
    )
    await page.$$eval(
      'li button',
      (buttons, text) => (buttons.find(it => it.textContent === text) as HTMLElement).click(),
      example,
    )
    await textIs(console, example)
    await page.waitForSelector(`input[aria-label="Name of the tag"][value="${tag}"]`)
    expect(await console.faults()).toEqual([])
  })

  test('has its groups, subjects and operators chosen by typing', async () => {
    const console = await open()
    const { page, go } = console
    await go('/segments/new')
    await page.focus('input[aria-label="What it is about"]')
    await page.keyboard.type('Eve')
    await page.keyboard.press('Enter')
    await page.waitForSelector('input[aria-label="Name of the event"]')
    await page.focus('input[aria-label="Comparison"]')
    await page.keyboard.type('did not')
    await page.keyboard.press('Enter')
    await page.waitForSelector('input[aria-label="Comparison"][value="did not"]')
    await page.focus('input[aria-label="How these are combined"]')
    await page.keyboard.type('None')
    await page.keyboard.press('Enter')
    await page.waitForSelector('input[aria-label="How these are combined"][value="None of these"]')
  })

  test('is put in order with the keyboard, and the focus stays with what moves', async () => {
    const id = await create('In order', {
      and: [{ event: 'first' }, { or: [{ event: 'second' }, { event: 'third' }] }],
    })
    const console = await open()
    const { page, go } = console
    await go(`/segments/${id}/edit`)
    await page.focus('li button[aria-label="Move down"]')
    await page.keyboard.press('Enter')
    await page.waitForSelector('li li:first-child input[value="first"]')
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Move down')
    await page.keyboard.press('Enter')
    await page.waitForSelector('li li:nth-child(2) input[value="first"]')
    await press(console, 'Save')
    await isTitled(console, 'In order')
    expect((await read(id)).condition).toEqual({
      or: [{ event: 'second' }, { event: 'first' }, { event: 'third' }],
    })
  })

  test('that somebody else has changed meanwhile is shown, and neither version is lost by itself', async () => {
    const id = await create('Contested', ANDROID)
    const console = await open()
    const { page, go } = console
    await go(`/segments/${id}/edit`)
    await fill(console, 'form input[maxlength="200"]', 'Mine')
    await demo.call('PATCH', `apps/${app}/segments/${id}`, { name: 'Theirs' })
    await press(console, 'Save')
    await sees(console, 'Somebody else has changed this segment')
    await sees(console, 'saved another version')
    await sees(console, 'Theirs')
    expect(await console.faults()).toEqual([])
    expect((await read(id)).name).toBe('Theirs')
    await press(console, 'Keep mine')
    await isTitled(console, 'Mine')
    expect((await read(id)).name).toBe('Mine')
    await go(`/segments/${id}/edit`)
    await fill(console, 'form input[maxlength="200"]', 'Mine again')
    await demo.call('PATCH', `apps/${app}/segments/${id}`, { name: 'Theirs again' })
    await press(console, 'Save')
    await press(console, 'Take theirs')
    await page.waitForFunction(
      () => document.querySelector<HTMLInputElement>('form input[maxlength="200"]')?.value === 'Theirs again',
    )
    expect((await read(id)).name).toBe('Theirs again')
  })

  test('is exported to a file that whoever has the link can read', async () => {
    const id = await create('To export', ANDROID)
    const console = await open()
    const { page, go } = console
    await go(`/segments/${id}`)
    await press(console, 'Export')
    await page.waitForSelector('a[download]', { visible: true })
    const url = await page.$eval('a[download]', link => (link as HTMLAnchorElement).href)
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer())
    expect(String.fromCharCode(...bytes.slice(0, 2))).toBe('PK')
    await page.reload()
    await page.waitForSelector('a[download]', { visible: true })
  })

  test('that is nightly is computed now, and says how many were in it', async () => {
    const id = await create('Every night', ANDROID, { mode: 'nightly', hour: 3 })
    const console = await open()
    await console.go(`/segments/${id}`)
    await sees(console, 'Devices then')
    const before = (await read(id)).nightly?.snapshot?.computedAt
    await press(console, 'Run now')
    await console.page.waitForFunction(() =>
      [...document.querySelectorAll('button')].some(button => button.textContent === 'Run now'),
    )
    await eventually({
      what: 'another snapshot',
      read: async () => (await read(id)).nightly?.snapshot?.computedAt,
      until: at => at !== undefined && at !== before,
      withinMs: COMPUTED_WITHIN_MS,
    })
  })

  test('has its devices unregistered after a look at how many they are, and this is taken back', async () => {
    const condition: Condition = { and: [ANDROID, { field: 'push', op: 'eq', value: 'reachable' }] }
    const id = await create('To unregister', ANDROID)
    const alive = async () =>
      (
        await demo.call<{ size: SegmentSize }>('POST', `apps/${app}/segments/compile`, {
          condition,
          exact: true,
        })
      ).size.exact ?? 0
    const before = await alive()
    expect(before).toBeGreaterThan(10)
    const console = await open()
    const { page, go } = console
    await go(`/segments/${id}`)
    await press(console, 'Unregister…')
    await page.waitForSelector('[role=dialog] button::-p-text(Unregister)')
    const verb = await page.$eval(
      '[role=dialog] button::-p-text(Unregister)',
      button => button.textContent ?? '',
    )
    expect(verb).toMatch(/^Unregister \d+ devices$/)
    expect(await alive()).toBe(before)
    expect(await console.faults()).toEqual([])
    await press(console, verb)
    await sees(console, 'devices were unregistered.')
    expect(await alive()).toBe(0)
    await page.locator('[role=dialog] button ::-p-text(Close)').click()
    await press(console, 'Undo')
    await page.waitForSelector('[role=dialog] button::-p-text(Take back)')
    await page.locator('[role=dialog] button ::-p-text(Take back)').click()
    await sees(console, 'taken back')
    expect(await alive()).toBe(before)
  })

  test('that another one names is said to be used by it, and is not deleted', async () => {
    const id = await create('Used', ANDROID)
    await create('User of it', { segment: id })
    const console = await open()
    await console.go(`/segments/${id}`)
    await sees(console, 'segment “User of it”')
    await press(console, 'More actions')
    await console.page.locator('[role=menuitem] ::-p-text(Delete)').click()
    await console.page.locator('[role=dialog] button ::-p-text(Delete)').click()
    await sees(console, 'names the segment')
  })
})

test('a list of ids is made of a file, and a segment names it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roost-list-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const { devices } = await demo.call<{ devices: { hwid: string }[] }>('GET', `apps/${app}/devices?limit=3`)
  const file = join(folder, 'vips.csv')
  await writeFile(file, `hwid\n${devices.map(({ hwid }) => hwid).join('\n')}\nnobody-has-this\n`)
  const console = await open()
  const { page, go } = console
  await go('/lists')
  await press(console, 'New list')
  await page.waitForSelector('[role=dialog] input[maxlength="200"]', { visible: true })
  await fill(console, '[role=dialog] input[maxlength="200"]', 'Testers')
  await page.locator('[role=dialog] label ::-p-text(devices)').click()
  const input = await page.waitForSelector('input[type=file]')
  await (input as { uploadFile: (path: string) => Promise<void> } | null)?.uploadFile(file)
  await press(console, 'Make the list')
  await sees(console, '4 ids are new in the list.')
  expect(await console.faults()).toEqual([])
  await page.locator('[role=dialog] button ::-p-text(Close)').click()
  await go('/segments/new')
  await choose(console, 'fieldset fieldset input[aria-label="What it is about"]', 'List of ids')
  await choose(console, 'input[aria-label="List of ids"]', 'Testers (4)')
  await page.waitForFunction(() =>
    document.querySelector('section[aria-label="Size"]')?.textContent?.includes('3device'),
  )
})

async function faultsOf(opened: OpenConsole, id: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const path of ['/segments', '/segments/new', `/segments/${id}`, `/segments/${id}/edit`, '/lists']) {
    await opened.go(path)
    await opened.screenshot(`page${path.replace(id, 'id').replaceAll('/', '-')}`)
    const faults = await opened.faults()
    if (faults.length > 0) found[path] = faults
  }
  return found
}

/** Every kind of rule there is. */
const MANY: Condition = {
  and: [
    { tag: 'plan', op: 'in', value: ['free', 'gold'] },
    { or: [{ field: 'lastOpenAt', op: 'between', value: [{ daysAgo: 30 }, { daysAgo: 7 }] }, ANDROID] },
    { not: { event: 'Purchase', atLeast: 3, withinDays: 30 } },
    { not: { message: 'any', was: 'opened', withinDays: 14 } },
    {
      not: {
        or: [
          { field: 'firstSeenAt', op: 'gte', value: '2030-01-01T00:00:00Z' },
          { tag: 'x', op: 'set' },
        ],
      },
    },
    { field: 'appVersion', op: 'gte', value: '1.0' },
  ],
}

describe('every page of segments and lists', () => {
  test.each(LANGUAGES)('in %s has all its texts and nothing that keeps anybody out', async language => {
    const id = await create(`Many ${language}`, MANY, { mode: 'nightly' })
    expect(await faultsOf(await open({ language }), id)).toEqual({})
  })

  test('fits on a phone, in dark colours too', async () => {
    const id = await create('Many on a phone', MANY)
    expect(await faultsOf(await open({ width: 390, scheme: 'dark' }), id)).toEqual({})
  })
})
