/** One stream for many, against a real server of events whose connections the test counts and cuts. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createApi } from '../api/client.ts'
import type { ServerEvent } from './events.ts'
import { SharedStream } from './shared-stream.ts'

const PICTURE = {
  messages: [],
  alerts: [],
  jobs: [],
  credentials: [],
  devices: null,
  works: [],
  trouble: null,
}

let streams: ServerResponse[]
let opened: number
let status: number
let baseUrl: string
let close: () => Promise<void>
let waiting: (() => void)[]

beforeEach(async () => {
  streams = []
  opened = 0
  status = 200
  waiting = []
  const server = createServer((_request, response) => {
    opened++
    response.writeHead(status, { 'content-type': status === 200 ? 'text/event-stream' : 'application/json' })
    if (status !== 200) {
      response.end('{"code":"forbidden"}')
      return
    }
    streams.push(response)
    response.on('close', () => {
      streams = streams.filter(it => it !== response)
      changed()
    })
    send(response, 'picture', PICTURE)
    changed()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})
afterEach(() => close())

const send = (response: ServerResponse, name: string, data: unknown) =>
  response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)

function changed(): void {
  for (const each of waiting.splice(0)) each()
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>(resolve => waiting.push(resolve))
}

class Tab {
  readonly events: ServerEvent[] = []
  broken = 0
  readonly onEvent = (event: ServerEvent): void => {
    this.events.push(event)
    changed()
  }
  readonly onBroken = (): void => {
    this.broken++
    changed()
  }
  /** Ids of the messages that it knows of, by all that it was told. */
  get messages(): string[] {
    return this.events.flatMap(({ name, data }) => {
      const value = JSON.parse(data) as { id?: string; messages?: { id: string }[] }
      return name === 'picture' ? (value.messages ?? []).map(it => it.id) : [value.id ?? '']
    })
  }
}

function share(onEnd: () => void = () => undefined, lingerMs = 0): SharedStream {
  return new SharedStream({ api: createApi({ baseUrl, token: 'token' }), app: 'A', onEnd, lingerMs })
}

test('eight listeners have one connection, and each is told all, whoever goes away', async () => {
  const shared = share()
  const tabs = Array.from({ length: 8 }, () => new Tab())
  const leave = tabs.map(tab => shared.join(tab))
  await until(() => tabs.every(tab => tab.events.length === 1))
  leave[0]?.()
  send(streams[0] as ServerResponse, 'message', { id: 'm1' })
  await until(() => tabs.slice(1).every(tab => tab.messages.includes('m1')))
  expect(tabs[0]?.messages).toEqual([])
  expect(opened).toBe(1)
  for (const each of leave) each()
  await until(() => streams.length === 0)
})

test('who comes later is told the picture as it is by then', async () => {
  const shared = share()
  const first = new Tab()
  const leave = shared.join(first)
  await until(() => first.events.length === 1)
  send(streams[0] as ServerResponse, 'message', { id: 'm1' })
  await until(() => first.messages.includes('m1'))
  const late = new Tab()
  const leaveLate = shared.join(late)
  expect(late.messages).toEqual(['m1'])
  leave()
  leaveLate()
})

test('a connection that breaks is told to all, and begun again once for all', async () => {
  const shared = share()
  const tabs = [new Tab(), new Tab()]
  const leave = tabs.map(tab => shared.join(tab))
  await until(() => tabs.every(tab => tab.events.length === 1))
  streams[0]?.destroy()
  await until(() => tabs.every(tab => tab.events.length === 2))
  expect(tabs.map(tab => tab.broken)).toEqual([1, 1])
  expect(opened).toBe(2)
  for (const each of leave) each()
})

test('a server that refuses is not asked again, and whoever comes then begins anew', async () => {
  status = 403
  let ended = 0
  const shared = share(() => {
    ended++
    changed()
  })
  const tab = new Tab()
  shared.join(tab)
  await until(() => ended > 0)
  expect([opened, tab.broken]).toEqual([1, 1])
})

test('one that nobody listens to lingers for who comes from another tab, and is told over before it ends', async () => {
  let isOver = false
  const shared = share(() => {
    isOver = true
    changed()
  }, 60)
  const first = new Tab()
  const leave = shared.join(first)
  await until(() => first.events.length === 1)
  leave()
  const next = new Tab()
  const leaveNext = shared.join(next)
  expect(next.events).toHaveLength(1)
  leaveNext()
  await until(() => isOver)
  await until(() => streams.length === 0)
  expect(opened).toBe(1)
})
