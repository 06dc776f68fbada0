/**
 * Scenario files: what they may say, what is told of a slip, and that they play the same way again.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ApnsSender, BUNDLE_ID } from '../../test/apns-sender.ts'
import { InputError } from '../control/fields.ts'
import { People } from '../control/people.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { parseCommentedJson } from './json.ts'
import { type PlayOptions, playScenario, type ScenarioReport } from './play.ts'
import { readScenario } from './scenario.ts'

describe('JSON with comments', () => {
  test('reads comments, a last comma and all of JSON, and knows lines', () => {
    const { value, lineOf } = parseCommentedJson(
      '// first\n{"a": [1, /* two */ -2.5e1, "// no comment \\" \\u00e9",],\n  "b": {"c": null, "d": [true, false]},\n}\n',
    )
    expect(value).toEqual({ a: [1, -25, '// no comment " é'], b: { c: null, d: [true, false] } })
    expect([lineOf('a[1]'), lineOf('b.d[1]'), lineOf('b.d[7].x'), lineOf('nothing')]).toEqual([2, 3, 3, 2])
  })

  test.each([
    ['{"a": 1', /^line 1: a , is expected/],
    ['{"a": 1,\n "a": 2}', /^line 2: "a" is there twice/],
    ['[1]\n[2]', /^line 2: something follows/],
    ['{\n"a": nope}', /^line 2: nope is no JSON/],
    ["{'a': 1}", /^line 1: a text in double quotes/],
    ['', /^line 1: a value is expected/],
    ['[1 2]', /^line 1: a , is expected/],
    ['"\n"', /^line 1: a text in double quotes/],
  ])('%j is refused with its line', (text, message) => {
    expect(() => parseCommentedJson(text)).toThrow(message)
  })

  test('reads a name as no more than a name', () => {
    expect(Object.keys(parseCommentedJson('{"__proto__": {"x": 1}}').value as object)).toEqual(['__proto__'])
  })
})

describe('a scenario', () => {
  test.each([
    ['{"phone": {}}', /^line 1: phone: there is no such field/],
    ['{"phones": {\n"ios": -1}}', /^line 2: phones\.ios: -1 is not/],
    ['{"steps": {}}', /^line 1: steps: this is no list/],
    ['{"steps": [\n{"do": {"counts": {}}}]}', /^line 2: steps\[0\]: a step has either/],
    ['{"steps": [{"at": "1s", "after": "1s", "do": {"counts": {}}}]}', /either "at" or "after"/],
    ['{"steps": [{"at": "1s",\n"do": {}}]}', /^line 2: steps\[0\]\.do: this names no operation/],
    [
      '{"steps": [{"at": "1s",\n"do": {"phones.vanish": {}}}]}',
      /^line 2: .*phones\.vanish: there is no such/,
    ],
    ['{"steps": [{"at": "1s", "do": {"phones.uninstall": {\n"share": 2}}}]}', /^line 2: .*share: 2 is not/],
    ['{"steps": [{"after": {"accepted": 0}, "do": {"counts": {}}}]}', /accepted: 0 is not/],
  ])('%j is refused with line and place', (text, message) => {
    expect(() => readScenario(text)).toThrow(message)
  })

  test('that names an unknown operation is told those that are like it', () => {
    const read = () => readScenario('{"steps": [{"at": 0, "do": {"hms.kill": {}}}]}')
    expect(read).toThrow(InputError)
    try {
      read()
    } catch (cause) {
      expect((cause as InputError).remedy).toContain('hms.kill-token')
    }
  })
})

describe('played', () => {
  let simulator: Simulator
  let server: Server
  let calls: string[]
  let now: number
  const closing: { close(): unknown }[] = []

  beforeEach(async () => {
    now = 0
    calls = []
    simulator = await startSimulator()
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', chunk => chunks.push(chunk))
      request.on('end', () => {
        const { hwid, push_token } = JSON.parse(Buffer.concat(chunks).toString()).request
        calls.push(`${request.url} ${hwid} ${push_token}`)
        response.end(JSON.stringify({ status_code: 200, response: {} }))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })

  afterEach(async () => {
    for (const one of closing.splice(0)) await one.close()
    await simulator.close()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })

  async function play(text: string, more: Partial<PlayOptions> = {}): Promise<ScenarioReport> {
    const { port } = server.address() as AddressInfo
    const roost = { baseUrl: `http://127.0.0.1:${port}`, app: 'ABCDE-12345', deviceToken: 'device-token' }
    const people = new People({ simulator, platforms: { ios: { kind: 'ios', bundleId: BUNDLE_ID } }, roost })
    closing.push(people)
    const pause = async (ms: number) => {
      now += ms
    }
    return playScenario(readScenario(text), { simulator, people, now: () => now, pause, ...more })
  }

  test('does its steps at their times, with the phones that its seed chooses', async () => {
    const text = `{
      "phones": {"ios": 40, "seed": 42, "uninstalled": 0.1},
      "steps": [
        {"at": "10s", "do": {"phones.new-token": {"share": 0.25}, "phones.log-in": {"count": 3}}},
        {"after": "5s", "do": {"phones.come-back": {"count": 2}}},
        {"at": "12s", "do": {"counts": {}}}, // has passed: at once
      ],
      "lasts": "1m",
    }`
    const report = await play(text)
    expect(report.done.map(({ atMs, name }) => [atMs, name])).toEqual([
      [0, 'phones.install'],
      [10_000, 'phones.new-token'],
      [10_000, 'phones.log-in'],
      [15_000, 'phones.come-back'],
      [15_000, 'counts'],
    ])
    expect(report.done.slice(0, 4).map(({ result }) => result)).toEqual([
      { installed: 40, uninstalled: 4, done: 40, failed: 0 },
      { done: 9, failed: 0 },
      { done: 3, failed: 0 },
      { done: 2, failed: 0 },
    ])
    expect(now).toBe(60_000)
    expect(report).toMatchObject({ isComplete: true, phones: { registered: 40, failed: 0 } })

    const first = calls.toSorted()
    calls = []
    await play(text)
    expect(calls.toSorted()).toEqual(first)
    calls = []
    await play(text.replace('42', '43'))
    expect(calls.toSorted()).not.toEqual(first)
  })

  test('waits for pushes where a step says so, and gives up after its time', async () => {
    const apns = new ApnsSender(simulator, Date.now)
    closing.push(apns)
    const bearer = await apns.bearer(simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }))
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const text = '{"steps": [\n{"after": {"accepted": 1, "within": "1s"}, "do": {"counts": {}}}]}'
    await expect(play(text)).rejects.toThrow(/^line 2: 0 pushes were accepted, not 1/)
    const pause = async () => {
      await apns.push(apns.open(), { token, headers: bearer })
    }
    const { done } = await play(text, { pause })
    expect(done[0]?.result).toMatchObject({ apns: { accepted: 1 } })
  })

  test('tells the line of a step that the simulator could not do', async () => {
    const text = '{"steps": [\n\n{"at": 0, "do": {"apns.kill-token": {"token": "00"}}}]}'
    await expect(play(text)).rejects.toThrow(/^line 3, apns\.kill-token: .*not issued here/)
  })

  test('is over at once when it is ended, and says that it is not complete', async () => {
    const ending = new AbortController()
    const report = await play(
      '{"steps": [{"at": "1s", "do": {"counts": {}}}, {"at": "2s", "do": {"counts": {}}}]}',
      {
        signal: ending.signal,
        onDone: () => ending.abort(),
      },
    )
    expect(report.done).toHaveLength(1)
    expect(report.isComplete).toBe(false)
  })

  test('people live in it as its page has it, day after day', async () => {
    const page = await readFile(new URL('../../../../docs/simulator.md', import.meta.url), 'utf8')
    const block = page.split('```jsonc\n').find(it => it.includes('life.begin')) ?? ''
    const text = block
      .slice(0, block.indexOf('```'))
      .replace('"web": 100, ', '')
      .replace('10s" } }', '0s" } }')
    const { done } = await play(text.replace('"ios": 400, "android": 500', '"ios": 5'))
    expect(done.map(({ name }) => name)).toEqual(['life.begin', 'apns.configure', 'life.days'])
    expect(done[2]?.result).toMatchObject({ days: Array.from({ length: 30 }, (_, day) => ({ day })) })
    expect(calls.length).toBeGreaterThan(0)
  })

  test('the day that is lived is over soon when it is ended', async () => {
    const ending = new AbortController()
    const text =
      '{"steps": [{"at": 0, "do": {"life.begin": {"ios": 3}, "life.days": {"days": 9, "each": "2d"}}}]}'
    const playing = play(text, { signal: ending.signal })
    while (calls.length === 0) await new Promise(resolve => setImmediate(resolve))
    ending.abort()
    const report = await playing
    expect(report).toMatchObject({ isComplete: false, done: [{ name: 'life.begin' }, { name: 'life.days' }] })
    expect(report.done[1]?.result).toMatchObject({ days: [{ day: 0 }] })
  })
})
