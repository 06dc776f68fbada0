/** Writing a message in the console, in a real Chromium, with the demo's phones at the other end. */
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ConsoleOptions,
  LANGUAGES,
  type OpenConsole,
  type RunningDemo,
  startDemo,
} from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { isTitled, named, press, sees } from '../support/hands.ts'
import { visit } from '../support/visit.ts'

const PHONES = 1_200
const SENT_WITHIN_MS = 60_000

let demo: RunningDemo
let app: string

beforeAll(async () => {
  demo = await startDemo(PHONES)
  app = demo.app
  const { devices } = await demo.call<{
    readonly devices: readonly { readonly hwid: string; readonly state: string }[]
  }>('GET', `apps/${app}/devices?limit=20`)
  const hwid = devices.find(it => it.state === 'active')?.hwid
  await demo.call('POST', `apps/${app}/test-devices`, { hwid, name: 'Phone of Ana' })
})
afterAll(() => demo.close())

interface Message {
  readonly id: string
  readonly title: string | null
  readonly state: string
  readonly counts: { readonly accepted: number; readonly targeted: number; readonly delivered: number }
}

async function messagesTitled(title: string): Promise<readonly Message[]> {
  const { messages } = await demo.call<{ readonly messages: readonly Message[] }>(
    'GET',
    `apps/${app}/messages?limit=100`,
  )
  return messages.filter(it => it.title === title)
}

async function openComposer(options: ConsoleOptions = {}, path = '/messages/new'): Promise<OpenConsole> {
  const opened = await visit(demo.url, options)
  await opened.go(path)
  await opened.page.waitForSelector('main textarea')
  return opened
}

async function write(page: Page, name: string, text: string, within?: string): Promise<void> {
  const field = await named(page, 'textbox', name, within)
  // behind what stands there already
  await field.focus()
  await page.keyboard.press('End')
  await page.keyboard.type(text)
}

async function addLanguage(page: Page, tag: string): Promise<void> {
  await press(page, 'Add a language')
  await write(page, 'Language code', tag)
  await press(page, 'Add')
}

/** The number in "Send to 1,143 devices now". */
async function promised(page: Page): Promise<number> {
  const handle = await page.waitForFunction(
    () =>
      /Send to ([\d,]+) devices now/.exec(document.querySelector('[role=dialog]')?.textContent ?? '')?.[1],
  )
  return Number(String(await handle.jsonValue()).replaceAll(',', ''))
}

/** The button that says "Save for 1,143 devices". */
async function save(page: Page): Promise<void> {
  const verb = await page.waitForFunction(() =>
    [...document.querySelectorAll('[role=dialog] button')]
      .map(it => it.textContent ?? '')
      .find(it => /^Save for [\d,]+ devices/.test(it)),
  )
  await press(page, String(await verb.jsonValue()))
}

async function dialogIsGone(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
}

async function openAllSections(page: Page): Promise<void> {
  await page.$$eval('main details > summary', summaries => {
    for (const summary of summaries) (summary as HTMLElement).click()
  })
}

test('a message is written in two languages, tried on a phone, sent to all and seen to arrive', async () => {
  const { page, go, faults } = await openComposer()
  const title = 'Your parcel is on its way'
  await write(page, 'Title', title)
  await write(page, 'Text', 'Hello {{ tags.Nickname }}, it comes tomorrow.')
  await write(page, 'tags.Nickname', 'you')
  await addLanguage(page, 'pt-BR')
  await write(page, 'Title', 'A sua encomenda', 'fieldset[aria-label="Brazilian Portuguese"]')
  // the look is that of the language that is being written, with the text for all where that has none
  await sees(page, /A sua encomenda\s+now\s+Hello you, it comes tomorrow\./)
  expect(
    await (await named(page, 'textbox', 'Text', 'fieldset[aria-label="Brazilian Portuguese"]')).evaluate(it =>
      it.getAttribute('placeholder'),
    ),
  ).toBe('Empty: shows the text for all')
  await sees(page, /[\d,]+ of 4,096 bytes/)
  expect(await faults()).toEqual([])

  await press(page, 'Test send')
  await press(page, 'Send to 1 device')
  await sees(page, /Phone of Ana\s+Accepted/)
  await sees(page, 'Sent to 1 device.')
  expect(await faults()).toEqual([])
  await page.keyboard.press('Escape')
  await dialogIsGone(page)

  await press(page, 'Review and send')
  const count = await promised(page)
  expect(count).toBeGreaterThan(1_000)
  expect(await faults()).toEqual([])
  await press(page, `Send to ${count.toLocaleString('en')} devices now`)
  await page.waitForFunction(() => /\/messages\/[0-9a-f-]{36}$/.test(location.hash))
  const id = /[0-9a-f-]{36}$/.exec(page.url())?.[0]
  const { value } = await eventually({
    what: 'the message is done',
    read: () => demo.call<Message>('GET', `apps/${app}/messages/${id}`),
    until: it => it.state === 'done' && it.counts.delivered > 0,
    withinMs: SENT_WITHIN_MS,
  })
  expect(value.counts.accepted).toBeGreaterThan(1_000)
  await sees(page, /done/i)
  // what was sent is no draft any more
  await go('/messages/new')
  await page.waitForSelector('main textarea')
  expect(await page.$eval('main textarea', it => (it as HTMLTextAreaElement).value)).toBe('')
})

describe('nothing is sent twice', () => {
  test('by a double click', async () => {
    const { page } = await openComposer()
    await write(page, 'Title', 'Clicked twice')
    await press(page, 'Review and send')
    const count = await promised(page)
    const button = await named(page, 'button', `Send to ${count.toLocaleString('en')} devices now`)
    await button.evaluate(it => {
      ;(it as HTMLButtonElement).click()
      ;(it as HTMLButtonElement).click()
    })
    await page.waitForFunction(() => /\/messages\/[0-9a-f-]{36}$/.test(location.hash))
    expect(await messagesTitled('Clicked twice')).toHaveLength(1)
  })

  test('when the answer is lost and somebody sends it again, even after a reload', async () => {
    const { page, settled } = await openComposer()
    await write(page, 'Title', 'Answer lost')
    await press(page, 'Review and send')
    const verb = `Send to ${(await promised(page)).toLocaleString('en')} devices now`
    const wire = await page.createCDPSession()
    await wire.send('Fetch.enable', {
      patterns: [{ urlPattern: '*/messages', requestStage: 'Response' }],
    })
    const cut = new Promise<void>(resolve => {
      wire.on('Fetch.requestPaused', ({ requestId, request }) => {
        if (request.method !== 'POST') return void wire.send('Fetch.continueRequest', { requestId })
        void wire.send('Fetch.failRequest', { requestId, errorReason: 'ConnectionReset' }).then(resolve)
      })
    })
    await press(page, verb)
    await cut
    await sees(page, 'It was not sent')
    await wire.send('Fetch.disable')
    const [first] = await messagesTitled('Answer lost')
    expect(first).toBeDefined()

    await page.reload()
    await settled()
    await sees(page, 'Your draft is back')
    await press(page, 'Review and send')
    await promised(page)
    await press(page, verb)
    await page.waitForFunction(id => location.hash.endsWith(`/messages/${id}`), {}, first?.id)
    expect(await messagesTitled('Answer lost')).toHaveLength(1)
  })
})

test('what is missing or wrong stands beside its field, and the first of it has the focus', async () => {
  const { page } = await openComposer()
  await press(page, 'Review and send')
  await sees(page, 'A message needs a title or a text, or it is silent')
  await sees(page, '1 thing is missing or wrong')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-invalid') === 'true')
  await write(page, 'Title', 'Hello')
  await openAllSections(page)
  await write(page, 'Opens on a tap', 'javascript:alert(1)')
  await sees(page, 'A web address, or one of the app')
})

test('a draft that is left asks, and is back afterwards; thrown away it is gone', async () => {
  const { page, settled } = await openComposer()
  await write(page, 'Title', 'Half written')
  const leave = async (): Promise<void> => {
    await page.click('nav a[href$="/devices"]')
    await sees(page, 'Leave this draft?')
  }
  await leave()
  await press(page, 'Stay')
  await dialogIsGone(page)
  await leave()
  await press(page, 'Leave and keep it')
  await isTitled(page, 'Devices')
  await page.goBack()
  await settled()
  await sees(page, 'Your draft is back')
  expect(await page.$eval('main textarea', it => (it as HTMLTextAreaElement).value)).toBe('Half written')
  await write(page, 'Title', '!')
  await leave()
  await press(page, 'Throw it away')
  await isTitled(page, 'Devices') // until then the form stands there
  await page.goBack()
  await page.waitForSelector('main textarea')
  expect(await page.$eval('main textarea', it => (it as HTMLTextAreaElement).value)).toBe('')
})

const scheduled = (title: string): Promise<{ readonly id: string }> =>
  demo.call('POST', `apps/${app}/messages`, {
    to: { all: true },
    content: { title, body: 'As planned' },
    sendAt: new Date(Date.now() + 86_400_000).toISOString(),
    sendRate: 700,
  })

test('a copy has the content of its message, which stays as it is', async () => {
  const { id } = await scheduled('Tomorrow')
  const { page } = await openComposer({}, `/messages/new?from=${id}`)
  await sees(page, 'the scheduled one stays as it is')
  await sees(page, '700 a second')
  await write(page, 'Title', ' as well')
  await press(page, 'Review and send')
  const count = await promised(page)
  await press(page, `Send to ${count.toLocaleString('en')} devices now`)
  await page.waitForFunction(
    old => !location.hash.includes(old) && /[0-9a-f-]{36}$/.test(location.hash),
    {},
    id,
  )
  expect(await demo.call<Message>('GET', `apps/${app}/messages/${id}`)).toMatchObject({ state: 'scheduled' })
  expect(await messagesTitled('Tomorrow as well')).toHaveLength(1)
  await demo.call('POST', `apps/${app}/messages/${id}/cancel`)
})

describe('a scheduled message', () => {
  test('is changed in place, at its time', async () => {
    const { id } = await scheduled('Next week')
    const before = await demo.call<{ readonly sendAt: string }>('GET', `apps/${app}/messages/${id}`)
    const { page, go, faults } = await openComposer()
    await go(`/messages/${id}`)
    await press(page, 'Change', 'link')
    await sees(page, 'Change a scheduled message')
    await page.waitForSelector('main textarea')
    await write(page, 'Title', ', really')
    await press(page, 'Review and save')
    await sees(page, /Save for [\d,]+ devices/)
    expect(await faults()).toEqual([])
    await save(page)
    await page.waitForFunction(hash => location.hash.endsWith(`/messages/${hash}`), {}, id)
    expect(await demo.call<Message>('GET', `apps/${app}/messages/${id}`)).toMatchObject({
      ...{ state: 'scheduled', title: 'Next week, really', sendAt: before.sendAt, sendRate: 700 },
    })
    expect(await messagesTitled('Next week')).toHaveLength(0)
    await demo.call('POST', `apps/${app}/messages/${id}/cancel`)
  })

  test('that somebody else has changed meanwhile is not overwritten unless one says so', async () => {
    const { id } = await scheduled('Ours')
    const { page } = await openComposer({}, `/messages/new?edit=${id}`)
    await write(page, 'Title', ', mine')
    await demo.call('PUT', `apps/${app}/messages/${id}`, {
      to: { all: true },
      content: { title: 'Theirs' },
      sendAt: new Date(Date.now() + 86_400_000).toISOString(),
    })
    await press(page, 'Review and save')
    await sees(page, /Save for [\d,]+ devices/)
    await save(page)
    await sees(page, 'Somebody else has changed this message meanwhile')
    expect(await messagesTitled('Theirs')).toHaveLength(1)
    await press(page, 'Save mine all the same')
    await page.waitForFunction(hash => location.hash.endsWith(`/messages/${hash}`), {}, id)
    expect(await messagesTitled('Ours, mine')).toHaveLength(1)
    await demo.call('POST', `apps/${app}/messages/${id}/cancel`)
  })

  test('that is over can not be changed, and says so', async () => {
    const { id } = await scheduled('Over')
    await demo.call('POST', `apps/${app}/messages/${id}/cancel`)
    const opened = await visit(demo.url)
    await opened.go(`/messages/new?edit=${id}`)
    await sees(opened.page, 'It can’t be changed any more')
    expect(await opened.page.$('main textarea')).toBeNull()
  })
})

describe('what can not be sent', () => {
  test('because of a mistake in a text is told at the text, and nothing can be sent from the last look', async () => {
    const { page, faults, screenshot } = await openComposer({ language: 'pt' })
    await write(page, 'Título', 'Oi {{ tags.Name')
    await sees(page, /\{\{ tags\.Name não está fechado.*Linha 1, caractere 4\./)
    await press(page, 'Revisar e enviar')
    await sees(page, 'Não pode ser enviada assim')
    expect(await page.$$eval('[role=dialog] button', all => all.map(it => it.textContent?.trim()))).toEqual([
      '',
      'Ir para o campo',
    ])
    expect(await faults()).toEqual([])
    await screenshot('review-refused')
    await press(page, 'Ir para o campo')
    await page.waitForFunction(
      () => (document.activeElement as HTMLTextAreaElement | null)?.value === 'Oi {{ tags.Name',
    )
  })

  test('in a language that is not in sight is shown with that language', async () => {
    const { page } = await openComposer()
    await write(page, 'Title', 'Hello')
    await addLanguage(page, 'de')
    await write(page, 'Title', 'Hallo {{ nome }}', 'fieldset[aria-label="German"]')
    await sees(page, 'There is no variable “nome”')
    await page.$$eval('main [role=radiogroup] label', all =>
      all.find(it => it.textContent === 'For all')?.click(),
    )
    await sees(page, 'German – look here')
    await press(page, 'Review and send')
    await press(page, 'Go to the field')
    await page.waitForFunction(
      () => (document.activeElement as HTMLTextAreaElement | null)?.value === 'Hallo {{ nome }}',
    )
  })

  test('because there is nobody who would get it says so in place of a button', async () => {
    const { page } = await openComposer({}, '/messages/new?device=nobody-has-this-id')
    await write(page, 'Title', 'Hello')
    await press(page, 'Review and send')
    await sees(page, 'Nobody would get it now')
    expect(await page.$$eval('[role=dialog] button', all => all.map(it => it.textContent?.trim()))).toEqual([
      '',
      'Cancel',
    ])
  })
})

test('a schedule and a trigger are made where a message is written', async () => {
  const { page, faults } = await openComposer()
  await write(page, 'Title', 'Weekly news')
  await (await page.waitForSelector('input[type=radio][value=cron]'))?.click()
  await write(page, 'Name', 'News')
  expect(await faults()).toEqual([])
  await press(page, 'Review and send')
  await press(page, 'Start the schedule')
  await sees(page, 'The schedule runs')
  await sees(page, 'Next: ')
  await press(page, 'Write another one')
  await write(page, 'Title', 'Still want {{ event.item }}?')
  await (await page.waitForSelector('input[type=radio][value=event]'))?.click()
  await write(page, 'Name', 'Cart')
  await (await named(page, 'combobox', 'Event')).type('added_to_cart')
  expect(await faults()).toEqual([])
  await press(page, 'Review and send')
  await press(page, 'Start the trigger')
  await sees(page, 'The trigger is on')
  await press(page, 'Open it', 'link')
  await page.waitForFunction(() => /\/triggers\/[0-9a-f-]{36}$/.test(location.hash))
  const { triggers } = await demo.call<{ readonly triggers: readonly object[] }>(
    'GET',
    `apps/${app}/triggers`,
  )
  expect(triggers).toMatchObject([{ name: 'Cart', event: 'added_to_cart' }])
})

test('who may only look finds no form to send with', async () => {
  const made = await demo.call<{ readonly token: string }>('POST', `apps/${app}/tokens`, {
    name: 'Looks on',
    scopes: ['read'],
  })
  const { origin } = new URL(demo.url)
  const opened = await visit(`${origin}/#token=${made.token}`)
  await opened.page.evaluate(code => {
    location.hash = `/apps/${code}/messages/new`
  }, app)
  await sees(opened.page, 'Your role can’t send messages')
  expect(await opened.page.$('main textarea')).toBeNull()
  expect(await opened.faults()).toEqual([])
})

test('a phone shows the size that the server counts, and what a device would get', async () => {
  const { page } = await openComposer()
  await write(page, 'Title', 'How large')
  const { gateways } = await demo.call<{
    readonly gateways: readonly { readonly gateway: string; readonly size: { readonly bytes: number } }[]
  }>('POST', `apps/${app}/messages/preview`, { content: { title: 'How large' } })
  const counted = String(gateways.find(it => it.gateway === 'apns')?.size.bytes)
  // Where typing halts for a moment, the size of a part of it is shown first.
  await page.waitForSelector(`[data-gateway=apns] [data-bytes="${counted}"]`)
  await sees(page, /of 4,096 bytes/)
})

test.each(LANGUAGES)(
  'the page in %s has all its texts, opened wide, and keeps nobody out',
  async language => {
    const { page, faults, screenshot } = await openComposer({ language })
    await openAllSections(page)
    for (const kind of ['at', 'local', 'best', 'cron', 'event']) {
      await (await page.waitForSelector(`input[type=radio][value=${kind}]`))?.click()
      expect(await page.$eval('main', it => it.textContent)).not.toContain('⟦')
    }
    await screenshot('compose')
    expect(await faults()).toEqual([])
  },
)

test('all of it fits on a phone, in dark colours too', async () => {
  const { page, faults, screenshot } = await openComposer({ width: 390, scheme: 'dark' })
  await write(page, 'Title', 'A title that is longer than what fits into one line of a phone')
  await openAllSections(page)
  await screenshot('compose')
  expect(await faults()).toEqual([])
})
