import { expect, test } from 'vitest'
import { memoryStore } from '../../test/memory-store.ts'
import { answerCall, type Call, callIn, createRinging, noteCall } from './calls.ts'
import { adoptSettings } from './state.ts'

const NOW = 1_800_000_000_000
const CALL: Call = {
  id: 'c1',
  role: 'callee',
  state: 'ringing',
  version: 1,
  media: 'audio',
  caller: { name: 'Anna' },
  ringUntil: new Date(NOW + 30_000).toISOString(),
  data: {},
}

function ringing() {
  const heard: string[] = []
  const timers: { work: () => void; ms: number; isOff: boolean }[] = []
  const device = createRinging({
    now: () => NOW,
    onCall: ({ state, version }) => heard.push(`${version} ${state}`),
    later: (work, ms) => {
      const timer = { work, ms, isOff: false }
      timers.push(timer)
      return () => {
        timer.isOff = true
      }
    },
  })
  return { device, heard, timers }
}

function store() {
  const settings = { baseUrl: 'http://r', application: 'A', deviceToken: 't', appVersion: undefined }
  return memoryStore(adoptSettings(undefined, settings, () => '1'))
}

test('a call rings until its time is over, by the server’s count where there is one', () => {
  const { device, heard, timers } = ringing()
  device.take(CALL)
  device.take({ ...CALL, id: 'c2', ringMs: 12_000 })
  expect(timers.map(it => it.ms)).toEqual([30_000, 12_000])
  timers[0]?.work()
  expect(heard).toEqual(['1 ringing', '1 ringing', '1 timed_out'])
})

test('a push rings no longer than the call was to ring in all, however slow this device’s clock is', () => {
  const { device, timers } = ringing()
  const late = { ...CALL, ringUntil: new Date(NOW + 5 * 60_000).toISOString() }
  device.take({ ...late, createdAt: new Date(NOW + 5 * 60_000 - 30_000).toISOString() })
  device.take({ ...late, id: 'c2' })
  expect(timers.map(it => it.ms)).toEqual([30_000, 120_000])
})

test('what was answered elsewhere stops, and an older word that comes later starts nothing', () => {
  const { device, heard, timers } = ringing()
  device.take(CALL)
  device.take(CALL)
  device.take({ ...CALL, state: 'answered_elsewhere', version: 2 })
  device.take(CALL)
  expect(heard).toEqual(['1 ringing', '2 answered_elsewhere'])
  expect(timers.map(it => it.isOff)).toEqual([true])
})

test.each([
  ['accept', 'accepted'],
  ['reject', 'rejected'],
  ['busy', 'busy'],
] as const)(
  'a call to which the server has taken "%s" never times out here, and no older push rings it again',
  (answer, state) => {
    const { device, heard, timers } = ringing()
    device.take(CALL)
    device.settle('c1', answer)
    expect(timers.map(it => it.isOff)).toEqual([true])
    device.take({ ...CALL, version: 2 }) // of a call to several: another one's answer, told before this one's
    device.take({ ...CALL, state, version: 3 })
    device.settle('c1', answer) // repeated
    expect(heard).toEqual(['1 ringing', `1 ${state}`])
  },
)

test('an answer that was taken counts though the time was over here meanwhile', () => {
  const { device, heard, timers } = ringing()
  device.take(CALL)
  timers[0]?.work()
  device.settle('c1', 'accept')
  expect(heard).toEqual(['1 ringing', '1 timed_out', '1 accepted'])
})

test('a call that was answered before its push comes does not ring', () => {
  const { device, heard, timers } = ringing()
  device.settle('c1', 'accept')
  device.take(CALL)
  device.take({ ...CALL, state: 'cancelled', version: 2 })
  expect(heard).toEqual(['2 cancelled'])
  expect(timers).toEqual([])
})

test('the caller’s device, which may have lost its channel, takes no call for unanswered by its own clock', () => {
  const { device, heard, timers } = ringing()
  device.take({ ...CALL, role: 'caller' })
  device.take({ ...CALL, id: 'c2', role: 'caller', ringUntil: new Date(NOW).toISOString() })
  device.settle('c1', 'cancel')
  device.take({ ...CALL, role: 'caller', state: 'accepted', version: 2 })
  expect(timers).toEqual([])
  expect(heard).toEqual(['1 ringing', '1 ringing', '2 accepted'])
})

test('R25: nothing rings when somebody else uses the device, and what has ended is not told again', () => {
  const { device, heard, timers } = ringing()
  device.take(CALL)
  device.take({ ...CALL, id: 'c2' })
  device.take({ ...CALL, id: 'c3', state: 'rejected', version: 3 })
  timers[1]?.work()
  device.endAll()
  device.endAll()
  expect(heard).toEqual(['1 ringing', '1 ringing', '3 rejected', '1 timed_out', '1 cancelled'])
  expect(timers[0]?.isOff).toBe(true)
  device.take(CALL) // the same person is back
  expect(heard.at(-1)).toBe('1 ringing')
})

test('R25: an app that can’t cope with the end of one call keeps nothing ringing', () => {
  const timers: { isOff: boolean }[] = []
  const device = createRinging({
    now: () => NOW,
    onCall: ({ state }) => {
      if (state === 'cancelled') throw new Error('The app can’t')
    },
    later: () => {
      const timer = { isOff: false }
      timers.push(timer)
      return () => {
        timer.isOff = true
      }
    },
  })
  device.take(CALL)
  device.take({ ...CALL, id: 'c2' })
  expect(() => device.endAll()).toThrow('The app can’t')
  expect(timers).toEqual([{ isOff: true }, { isOff: true }])
  device.endAll() // none is left to be told of
})

test('a call that comes after its time rings nobody', () => {
  const { device, heard, timers } = ringing()
  device.take({ ...CALL, ringUntil: new Date(NOW).toISOString() })
  expect(heard).toEqual(['1 timed_out'])
  expect(timers).toEqual([])
})

test('a push of a call is known by its data, and nothing else is taken for one', () => {
  expect(callIn({ call: CALL })).toEqual(CALL)
  for (const data of [undefined, null, 'text', {}, { call: null }, { call: { id: 1 } }])
    expect(callIn(data)).toBeUndefined()
})

test('what is older than what the device knows of a call is no news', async () => {
  const kept = store()
  expect(await noteCall(kept, { id: 'a', version: 2 })).toBe(true)
  expect(await noteCall(kept, { id: 'a', version: 1 })).toBe(false)
  expect(await noteCall(kept, { id: 'a', version: 2 })).toBe(true)
  for (let i = 0; i < 30; i++) await noteCall(kept, { id: `b${i}`, version: 1 })
  expect(Object.keys((await kept.read())?.calls ?? {})).toHaveLength(20)
})

test.each([
  [200, 'taken'],
  [409, 'over'],
] as const)('an answer that the server meets with %d was %s', async (status, expected) => {
  const asked: string[] = []
  const transport = async ({ url }: { url: string }) => {
    asked.push(url)
    return { status, body: '{}' }
  }
  expect(await answerCall({ store: store(), transport }, 'c1', 'accept')).toBe(expected)
  expect(asked).toEqual(['http://r/v1/apps/A/devices/A_1/calls/c1/accept'])
})

test('an answer that nobody has heard is said again, and rejects when nobody hears it at all', async () => {
  const answers = [undefined, 503, 200]
  const pauses: number[] = []
  const transport = async () => {
    const status = answers.shift()
    if (status === undefined) throw new Error('no network')
    return { status, body: '' }
  }
  const pause = async (ms: number) => {
    pauses.push(ms)
  }
  expect(await answerCall({ store: store(), transport, pause }, 'c1', 'accept')).toBe('taken')
  expect(pauses).toEqual([300, 1000])
  const said = answerCall({ store: store(), transport, pause }, 'c1', 'accept')
  await expect(said).rejects.toMatchObject({ code: 'unreachable' })
})
