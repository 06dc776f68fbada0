/** Devices, users, test devices and imports in a real Chromium: found, looked into, tried, brought in, erased. A real Firefox is the phone. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeviceSummary, DeviceView, ImportView } from '@roost/protocol'
import { startSimulator } from '@roost/simulator'
import type { ElementHandle, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  type ConsoleOptions,
  LANGUAGES,
  type OpenConsole,
  type RunningDemo,
  startDemo,
} from '../support/console.ts'
import { launchFirefox } from '../support/firefox.ts'
import { newPage } from '../support/patience.ts'
import { SERVER_TOKEN, startRoostServer } from '../support/roost-server.ts'
import { startSite } from '../support/site.ts'
import { visit } from '../support/visit.ts'

const USER = 'ann@example.com'

/** What stands on the page, or in a dialog of it. */
function sees({ page }: OpenConsole, words: string): Promise<unknown> {
  return page.waitForFunction(text => document.body.innerText.includes(text), {}, words)
}

async function press({ page }: OpenConsole, name: string, role = 'button'): Promise<void> {
  await page.locator(`::-p-aria([name="${name}"][role="${role}"])`).click()
}

describe('in front of the demo', () => {
  let demo: RunningDemo
  let app: string
  let hwid: string

  beforeAll(async () => {
    demo = await startDemo()
    app = demo.app
    const { devices } = await demo.call<{ devices: DeviceSummary[] }>(
      'GET',
      `apps/${app}/devices?platform=ios&state=active&limit=2`,
    )
    hwid = devices[0]?.hwid ?? ''
    for (const device of devices)
      await demo.call('PATCH', pathOf(device.hwid), { userId: USER, tags: { plan: 'gold', likes: ['tea'] } })
    await demo.call('POST', `apps/${app}/test-devices`, { hwid, name: 'Ann’s phone' })
  })
  afterAll(() => demo.close())

  const pathOf = (device: string) => `apps/${app}/devices/${encodeURIComponent(device)}`
  const open = (options?: ConsoleOptions) => visit(demo.url, options)

  async function faultsOfPages(opened: OpenConsole): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {}
    const pages = {
      devices: '/devices?state=active',
      device: `/devices/${encodeURIComponent(hwid)}`,
      users: `/users?search=${USER}`,
      user: `/users/${USER}`,
      'test-devices': '/test-devices',
      imports: '/imports',
    }
    for (const [name, path] of Object.entries(pages)) {
      await opened.go(path)
      await opened.screenshot(name)
      const faults = await opened.faults()
      if (faults.length > 0) found[name] = faults
    }
    return found
  }

  test.each(LANGUAGES)(
    'every page in %s has all its texts and nothing that keeps anybody out',
    async language => {
      expect(await faultsOfPages(await open({ language }))).toEqual({})
    },
  )

  test('every page fits on a phone, in dark colours too', async () => {
    expect(await faultsOfPages(await open({ width: 390, scheme: 'dark' }))).toEqual({})
  })

  test('one field finds a device by its id, its user and the end of its token', async () => {
    const console = await open()
    const { page, go } = console
    const { addresses, deviceModel } = await demo.call<DeviceView>('GET', pathOf(hwid))
    const search = async (text: string): Promise<void> => {
      await page.locator('input[type=search]').fill(text)
      await page.waitForFunction(
        wanted => new URLSearchParams(location.hash.split('?')[1]).get('search') === wanted,
        {},
        text,
      )
    }
    /** Among the rows, since others may be found with it: by its model, with its id to copy. */
    const finds = (): Promise<unknown> =>
      page.waitForFunction(
        (name, id) =>
          [...document.querySelectorAll('[data-row] a')].some(
            link =>
              link.textContent === name && link.getAttribute('href')?.endsWith(`/${encodeURIComponent(id)}`),
          ),
        {},
        deviceModel,
        hwid,
      )
    await go('/devices')
    await search('no such device')
    await sees(console, 'No device matches')
    await search(hwid)
    await finds()
    await search(USER)
    await sees(console, 'by user')
    await finds()
    await search(addresses[0]?.addressEnd ?? '')
    await sees(console, 'by the end of its token')
    await finds()
    await search(USER.slice(0, 6))
    await sees(console, 'by the beginning of its user')
    await finds()
    await search(hwid.slice(2, 9).toLowerCase())
    await press(console, 'Look for it within ids')
    await finds()
  })

  test('the palette finds users, devices, segments and messages with the keyboard alone', async () => {
    const segment = await demo.call<{ id: string }>('POST', `apps/${app}/segments`, {
      name: 'Gold from Ctrl-K',
      expression: 'T("plan", EQ, "gold")',
    })
    const message = await demo.call<{ id: string }>('POST', `apps/${app}/messages`, {
      to: { devices: [hwid] },
      content: { title: 'Zebra crossing' },
    })
    const { deviceModel } = await demo.call<DeviceView>('GET', pathOf(hwid))
    const console = await open()
    const { page } = console
    const find = async (text: string, group: string, ended: string, title: string): Promise<void> => {
      await console.go('/devices')
      await page.keyboard.down('Control')
      await page.keyboard.press('k')
      await page.keyboard.up('Control')
      await page.waitForSelector('[role=dialog] input[role=combobox]:focus')
      await page.keyboard.type(text)
      await page.waitForSelector(`::-p-aria([name="${group}"][role="group"])`)
      await page.waitForSelector('[role=listbox][aria-busy=false]')
      expect(await console.faults()).toEqual([])
      await console.screenshot(`palette-${group}`)
      const steps = await page.$$eval(
        '[role=dialog] [role=option]',
        (options, name) =>
          options.findIndex(
            option =>
              document.getElementById(option.parentElement?.getAttribute('aria-labelledby') ?? '')
                ?.textContent === name,
          ),
        group,
      )
      for (let i = 0; i < steps; i++) await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await page.waitForFunction(wanted => location.hash.endsWith(wanted), {}, ended)
      await page.waitForFunction(
        title => document.querySelector('h1')?.textContent?.includes(title),
        {},
        title,
      )
    }
    await find('ann@ex', 'Users', `/users/${encodeURIComponent(USER)}`, USER)
    await find(hwid.slice(0, 12), 'Devices', `/devices/${encodeURIComponent(hwid)}`, deviceModel ?? '')
    await find('from ctrl', 'Segments', `/segments/${segment.id}`, 'Gold from Ctrl-K')
    await find('zebra', 'Messages', `/messages/${message.id}`, 'Zebra crossing')
    await find('zebra', 'Devices', '/devices?search=zebra', 'Devices')
  })

  test('a device tells which segments it is in, and why not in another', async () => {
    await demo.call('POST', `apps/${app}/segments`, {
      name: 'Tea with gold',
      expression: 'T("plan", EQ, "gold") * T("likes", EQ, "tea")',
    })
    await demo.call('POST', `apps/${app}/segments`, {
      name: 'Coffee',
      expression: 'T("plan", EQ, "gold") * T("likes", EQ, "coffee")',
    })
    const console = await open()
    await console.go(`/devices/${encodeURIComponent(hwid)}`)
    await press(console, 'Why? Tea with gold')
    await sees(console, 'This device has: gold')
    await press(console, 'Why? Coffee')
    await sees(console, 'coffee')
    await sees(console, 'This device has: tea')
    const states = await console.page.$$eval('li:has(button[aria-expanded])', rows =>
      rows.map(
        row =>
          `${row.querySelector('a')?.textContent}: ${row.textContent?.includes('not in it') ? 'out' : 'in'}`,
      ),
    )
    expect(states).toContain('Tea with gold: in')
    expect(states).toContain('Coffee: out')
    expect(await console.faults()).toEqual([])
    await console.screenshot('device-segments')
  })

  test('who may only look is offered nothing that ends in a refusal', async () => {
    const { token } = await demo.call<{ token: string }>('POST', `apps/${app}/tokens`, {
      name: 'looks',
      scopes: ['read'],
    })
    const console = await visit(demo.url.replace(/token=.*/, `token=${token}`))
    await console.go('/devices')
    await sees(console, 'Last seen')
    const links = await console.page.$$eval('a, main button', all => all.map(it => it.textContent))
    for (const name of ['Imports', 'Push test']) expect(links).not.toContain(name)
  })

  test('a device that may show nothing is told so with what to do, and once it may, looking again says that', async () => {
    const console = await open()
    await demo.call('PATCH', pathOf(hwid), { permission: 'denied' })
    onTestFinished(() => demo.call('PATCH', pathOf(hwid), { permission: 'granted' }))
    await console.go(`/devices/${encodeURIComponent(hwid)}`)
    await sees(console, 'Could not receive a message now')
    await sees(console, 'Proven')
    await demo.call('PATCH', pathOf(hwid), { permission: 'granted' })
    await press(console, 'Diagnose again')
    await sees(console, 'Nothing on record keeps messages from it.')
  })

  test('a test push to a device shows what became of it, and stands in its history', async () => {
    const console = await open()
    await console.go(`/devices/${encodeURIComponent(hwid)}`)
    await press(console, 'Send test push')
    await sees(console, 'to this device alone')
    await press(console, 'Send now')
    await console.page.waitForFunction(() =>
      /Accepted by the gateway|Delivered|Opened/.test(
        document.querySelector('[role=dialog] [role=status]')?.textContent ?? '',
      ),
    )
    await console.page.keyboard.press('Escape')
    await console.page.waitForFunction(() =>
      [...document.querySelectorAll('ol a')].some(link => link.textContent === 'Hello'),
    )
  })

  test('a tag is set in its type, and a value that is none is told beside its field', async () => {
    const console = await open()
    const { page } = console
    await console.go(`/devices/${encodeURIComponent(hwid)}`)
    await press(console, 'Add a tag')
    await page.locator('::-p-aria([name="Tag"][role="combobox"])').fill('age')
    await page.keyboard.press('Escape')
    await page.select('[role=dialog] select', 'integer')
    await page.locator('::-p-aria([name="Value"][role="textbox"])').fill('many')
    await press(console, 'Save')
    await sees(console, 'Enter a whole number')
    await page.locator('::-p-aria([name="Value"][role="textbox"])').fill('42')
    await press(console, 'Save')
    await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
    await sees(console, '42')
    expect((await demo.call<DeviceView>('GET', pathOf(hwid))).tags).toMatchObject({ age: 42, plan: 'gold' })
  })

  test('a file is recognised, looked at before anything is stored, imported, and its refused rows are told', async () => {
    const console = await open()
    const { page } = console
    const folder = await mkdtemp(join(tmpdir(), 'roost-import-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const rows = Array.from(
      { length: 30 },
      (_, i) => `imported-${i},android,fcm-token-${i}-${'x'.repeat(120)}`,
    )
    await writeFile(join(folder, 'base.csv'), `hwid,platform,pushToken\n${rows.join('\n')}\nbad,nothing,x\n`)
    await console.go('/imports')
    await press(console, 'See what it would bring')
    await sees(console, 'Choose the form of the file')
    const input = (await page.waitForSelector('input[type=file]')) as ElementHandle<HTMLInputElement>
    await input.uploadFile(join(folder, 'base.csv'))
    await sees(console, 'Recognised by its columns.')
    await press(console, 'See what it would bring')
    await sees(console, '30 rows would be taken, 1 refused')
    const { imports } = await demo.call<{ imports: ImportView[] }>('GET', `apps/${app}/imports`)
    expect(imports).toEqual([])
    expect(await console.faults()).toEqual([])
    await console.screenshot('import-preview')
    await press(console, 'Import 30 devices')
    await sees(console, 'The file is imported.')
    expect((await demo.call<DeviceView>('GET', pathOf('imported-7'))).addresses).toHaveLength(1)
    await page.waitForSelector('::-p-aria([name="Save as CSV"][role="button"])')
  })

  test('a device is erased once it was said what goes, and is known no more', async () => {
    const console = await open()
    await demo.call('PUT', pathOf('to be erased'), { platform: 'ios' })
    await console.go('/devices/to%20be%20erased')
    await press(console, 'More')
    await press(console, 'Erase or save its data…', 'menuitem')
    await sees(console, 'Erase the device to be erased?')
    await sees(console, 'Devices: 1')
    await press(console, 'Erase for good')
    await console.page.waitForFunction(() => location.hash.endsWith('/devices'))
    await expect(demo.call('GET', pathOf('to be erased'))).rejects.toThrow('404')
  })

  test('a user is found by the whole id, and logged out of all devices', async () => {
    const console = await open()
    await demo.call('PUT', pathOf('of zoe'), { platform: 'web', userId: 'zoe' })
    await console.go('/users')
    await console.page.locator('input[type=search]').fill('zoe')
    await press(console, 'Find a user')
    await console.page.locator('::-p-aria([name="zoe"][role="link"])').click()
    await sees(console, 'Did their app report a token on a day?')
    await press(console, 'More')
    await press(console, 'Log out', 'menuitem')
    await sees(console, '1 device stays in the base')
    await press(console, 'Log out everywhere')
    await console.page.waitForFunction(() => location.hash.endsWith('/users'))
    expect((await demo.call<DeviceView>('GET', pathOf('of zoe'))).userId).toBeNull()
  })
})

test('a phone becomes a test device by the code on the page, which tells each step as it comes', async () => {
  const simulator = await startSimulator()
  onTestFinished(() => simulator.close())
  const server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
  onTestFinished(() => server.close())
  const firefox = await launchFirefox({ pushServiceUrl: simulator.urls.browserPush })
  onTestFinished(() => firefox.close())
  const site = await startSite()
  onTestFinished(() => site.close())
  const { code, deviceToken } = await server.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
    name: 'Web shop',
  })
  const console = await visit(`${server.baseUrl}/#token=${SERVER_TOKEN}`)
  await console.page.evaluate(app => {
    location.hash = `#/apps/${app}/test-devices`
  }, code)
  await sees(console, 'No test devices yet')
  await press(console, 'Connect a phone')
  await console.page.locator('::-p-aria([name="Name (optional)"])').fill('Ann’s Firefox')
  await console.page.locator('::-p-aria([name="What the phone opens (optional)"])').fill(site.url)
  await sees(console, 'On a phone this address is the phone itself.')
  await press(console, 'Show the code')
  const link = await console.page.waitForSelector('[aria-label*="/test-device#"]')
  const url = ((await link?.evaluate(it => it.getAttribute('aria-label'))) ?? '').replace(/^.*?: /, '')
  await console.page.waitForSelector('img[alt="QR code that connects a phone"]')
  expect(await console.faults()).toEqual([])
  await console.screenshot('invitation-open')

  const phone = await newPage(firefox)
  await scan(phone, url)
  await isDone(console, 'Code scanned')
  const given = {
    baseUrl: server.baseUrl,
    application: code,
    deviceToken,
    serviceWorkerUrl: '/worker-with-click.js',
  }
  await phone.evaluate(options => window.makeRoost(options).subscribe(), given)
  await isDone(console, 'Received by the phone')
  await console.screenshot('invitation-taken')
  await phone.evaluate(async () => (await navigator.serviceWorker.ready).active?.postMessage('click'))
  await sees(console, 'It works: the test push was received and opened.')
  await isDone(console, 'Opened')
  await console.page.waitForSelector('::-p-aria([name="Ann’s Firefox"][role="link"])')
  await press(console, 'Close')
  await press(console, 'Rename')
  await console.page.locator('[role=dialog] input').fill('Desk browser')
  await press(console, 'Save')
  await console.page.waitForSelector('::-p-aria([name="Desk browser"][role="link"])')
})

/** From the code to the site, as the person at the phone does it. */
async function scan(phone: Page, link: string): Promise<void> {
  await phone.goto(link)
  await phone.waitForSelector('#open:not([hidden])')
  await Promise.all([phone.waitForNavigation(), phone.click('#open')])
  await phone.waitForFunction('window.makeRoost !== undefined')
}

async function isDone({ page }: OpenConsole, step: string): Promise<void> {
  await page.waitForFunction(
    words =>
      [...document.querySelectorAll('ol li[data-state=done]')].some(it => it.textContent?.includes(words)),
    {},
    step,
  )
}
