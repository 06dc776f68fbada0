/** Calls in tests: people with phones, their channels, and what is asked of Roost. */
import { randomUUID } from 'node:crypto'
import type { CallServerFrame, CallView, DeviceCall } from '@roost/protocol'
import type { AcceptedPush, Phone, PhonePlatform } from '@roost/simulator'
import { connectLive, type Hello, type LiveDevice } from './live-client.ts'
import { type Answer, BUNDLE_ID, type TestRoost, tick } from './roost.ts'

export type CallFrameToDevice = Extract<CallServerFrame, { type: 'call' }>
export type CallAnswerFrame = Extract<CallServerFrame, { type: 'call-answer' }>

export interface Person {
  readonly userId: string
  /** A phone on which they are logged in. */
  phone(kind: PhonePlatform['kind']): Promise<Phone>
  /** An iPhone that takes calls by PushKit as well; `voip` is its token for them. */
  iphone(): Promise<{ readonly phone: Phone; readonly voip: string }>
}

export interface CallHouse {
  person(name: string): Person
  live(hello: Pick<Hello, 'hwid'> & Partial<Hello>, url?: string): Promise<LiveDevice>
  call(body: Record<string, unknown>): Promise<CallView>
  read(id: string): Promise<CallView>
  /** Waits until the call is as wanted. */
  until(id: string, isWanted: (call: CallView) => boolean): Promise<CallView>
  /** By a back end. */
  say<T = CallView>(id: string, verb: string, body?: unknown): Promise<Answer<T>>
  /** By a device, with the device token. */
  sayByDevice<T = DeviceCall>(hwid: string, id: string, verb: string, url?: string): Promise<Answer<T>>
  /** Ends all channels. */
  hangUp(): Promise<void>
}

export function callHouse(roost: TestRoost): CallHouse {
  const opened: LiveDevice[] = []
  const path = `/v1/apps/${roost.app}/calls`
  const read = async (id: string) => (await roost.rest<CallView>('GET', `${path}/${id}`)).body
  return {
    person: name => {
      const userId = `${name}-${randomUUID()}`
      const phone: Person['phone'] = kind => roost.phone(kind, { userId })
      return {
        userId,
        phone,
        iphone: async () => {
          const made = await phone('ios')
          const voip = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
          const { hwid, token } = made
          const fields = { hwid, device_type: 1, push_token: token, voip_push_token: voip, userId }
          const { body } = await roost.device('registerDevice', fields)
          if (body.status_code !== 200) throw new Error(body.status_message)
          return { phone: made, voip }
        },
      }
    },
    live: async (hello, url = roost.url) => {
      const device = await connectLive(url, { app: roost.app, deviceToken: roost.deviceToken, ...hello })
      opened.push(device)
      return device
    },
    call: async body => {
      const made = await roost.rest<CallView>('POST', path, { caller: { name: 'Anna' }, ...body })
      if (made.status !== 201) throw new Error(JSON.stringify(made.body))
      return made.body
    },
    read,
    until: async (id, isWanted) => {
      for (;;) {
        const found = await read(id)
        if (isWanted(found)) return found
        await tick()
      }
    },
    say: (id, verb, body) => roost.rest('POST', `${path}/${id}/${verb}`, body),
    sayByDevice: async (hwid, id, verb, url = roost.url) => {
      const response = await fetch(
        `${url}/v1/apps/${roost.app}/devices/${encodeURIComponent(hwid)}/calls/${id}/${verb}`,
        { method: 'POST', headers: { authorization: `Token ${roost.deviceToken}` } },
      )
      return { status: response.status, headers: response.headers, body: await response.json() }
    },
    hangUp: async () => {
      for (const device of opened.splice(0)) await device.drop()
    },
  }
}

/** The call that a push carries. */
export function callIn(payload: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  return JSON.parse(String(payload?.u)).call
}

/** Of each call that the phone shows, the state. */
export const statesOn = (phone: Phone): unknown[] => phone.shown.map(it => callIn(it.push.payload).state)

/** Waits until these are what the phone shows: what has the same collapse key takes the place of what was shown. */
export async function untilShown(phone: Phone, states: readonly string[]): Promise<void> {
  while (statesOn(phone).join() !== states.join()) await tick()
}

/** The push to this VoIP token that carries this state, past or next. */
export async function untilVoip(roost: TestRoost, voip: string, state: string): Promise<AcceptedPush> {
  for (;;) {
    const found = roost.simulator.pushes({ token: voip }).find(it => callIn(it.payload).state === state)
    if (found !== undefined) return found
    await tick()
  }
}
