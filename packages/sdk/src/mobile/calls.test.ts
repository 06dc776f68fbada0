import { expect, test } from 'vitest'
import { memoryStore } from '../../test/memory-store.ts'
import type { Call } from '../core/calls.ts'
import { adoptSettings, type DeviceState } from '../core/state.ts'
import { createCalls } from './calls.ts'
import type { Environment } from './environment.ts'
import { readPush } from './push.ts'

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
const FRAME = { type: 'call', userId: 'bob', call: CALL }
const PUSH = readPush({ data: { ru: 'bob', u: JSON.stringify({ call: CALL }) }, shown: undefined })

/** Of bob; `whileNoted` runs when a call is noted. */
function phoneOfBob(whileNoted: () => void) {
  const settings = { baseUrl: 'http://r', application: 'A', deviceToken: 't', appVersion: undefined }
  const store = memoryStore({ ...adoptSettings(undefined, settings, () => '1'), userId: 'bob' })
  const heard: string[] = []
  const said: object[] = []
  const noting = {
    ...store,
    update: async (change: (state: DeviceState | undefined) => DeviceState) => {
      const state = await store.update(change)
      whileNoted()
      return state
    },
  }
  const environment = { store: noting, now: () => NOW } as Environment
  const calls = createCalls(environment, it => heard.push(it.state))
  const live = { say: (frame: object) => said.push(frame) > 0 }
  const logIn = (userId: string) => store.update(state => ({ ...(state as DeviceState), userId }))
  return { calls, heard, said, live, logIn }
}

test('a call rings though nothing can be kept, and an older word of it that comes later starts nothing', async () => {
  const phone = phoneOfBob(() => {
    throw new Error('The storage is full')
  })
  await phone.calls.takePush(PUSH)
  await phone.calls.takeFrame({ ...FRAME, call: { ...CALL, state: 'cancelled', version: 2 } }, phone.live)
  await phone.calls.takePush(PUSH)
  expect(phone.heard).toEqual(['ringing', 'cancelled'])
})

test('R25: a call that is on its way when somebody else logs in does not ring, and the server is not told that it does', async () => {
  const phone = phoneOfBob(() => {
    void phone.logIn('carol')
    phone.calls.endAll()
  })
  await phone.calls.takeFrame(FRAME, phone.live)
  expect([phone.heard, phone.said]).toEqual([[], []])
  const another = phoneOfBob(() => {
    void another.logIn('carol')
    another.calls.endAll()
  })
  expect(await another.calls.takePush(PUSH)).toBe(true)
  expect(another.heard).toEqual([])
})
