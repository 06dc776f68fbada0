/** What `roost send` does: makes the message out of a file and options, hands it to the server, and watches it. */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { MessageView } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { ServerCaller } from '../devices/server.ts'

export interface SendOptions {
  readonly app: string
  readonly url: string
  readonly token?: string
  readonly toAll?: true
  readonly segment?: string
  readonly device?: readonly string[]
  readonly user?: readonly string[]
  readonly title?: string
  readonly body?: string
  readonly image?: string
  readonly link?: string
  readonly at?: string
  readonly collapseKey?: string
  readonly lane?: string
  readonly file?: string
  readonly watch?: boolean
  readonly json?: boolean
}

const LOOK_AGAIN_MS = 500

/** Prints its id; with `watch` a line whenever its counts have changed, and with `json` one line at the end. Throws StartError. */
export async function sendMessage(options: SendOptions, print: (line: string) => void): Promise<void> {
  const server = new ServerCaller(options)
  const message = messageOf(options, await readMessageFile(options.file))
  const created = await server.json<{ id: string; warnings?: string[] }>('POST', '/messages', message)
  if (!options.json) for (const line of [created.id, ...(created.warnings ?? [])]) print(line)
  if (options.watch !== true) {
    if (options.json) print(JSON.stringify(created))
    return
  }
  const ended = await watch(server, created.id, line => {
    if (!options.json) print(line)
  })
  if (options.json) print(JSON.stringify({ ...created, state: ended.state, counts: ended.counts }))
}

type Message = Record<string, unknown>

async function readMessageFile(path: string | undefined): Promise<Message> {
  if (path === undefined) return {}
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new StartError(`${path} can't be read: ${error.message}`, 'Give the path of a JSON file.')
  })
  try {
    return JSON.parse(text) as Message
  } catch (error) {
    throw new StartError(
      `${path} is no JSON: ${(error as Error).message}`,
      'It holds the body of POST …/messages.',
    )
  }
}

function messageOf(options: SendOptions, file: Message): Message {
  const { title, body, image, link: url, at: sendAt, collapseKey, lane } = options
  const to = targetOf(options) ?? file.to
  if (to === undefined)
    throw new StartError(
      'it is for nobody',
      'Give --to-all, --segment, --device or --user, or "to" in --file.',
    )
  const content = { ...(file.content as object | undefined), ...given({ title, body, image, url }) }
  return { ...file, ...given({ sendAt, collapseKey, lane }), to, content }
}

function targetOf({ toAll, segment, device, user }: SendOptions): object | undefined {
  if (toAll === true) return { all: true }
  if (segment !== undefined) return { segment }
  if (device !== undefined) return { devices: device }
  return user === undefined ? undefined : { users: user }
}

function given(fields: Record<string, unknown>): Message {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

async function watch(server: ServerCaller, id: string, print: (line: string) => void): Promise<MessageView> {
  for (let before = ''; ; await pause(LOOK_AGAIN_MS)) {
    const message = await server.json<MessageView>('GET', `/messages/${id}`)
    const line = wordsOf(message)
    if (line !== before) print(line)
    before = line
    if (message.finishedAt !== null) return message
  }
}

function wordsOf({ state, progress, counts }: MessageView): string {
  const { targeted, accepted, dead, failed, skipped, uncertain, pending } = counts
  const all = { targeted, accepted, dead, failed, skipped, uncertain, pending }
  const words = Object.entries(all).map(([name, count]) => `${count} ${name}`)
  return `${state} ${Math.floor(progress * 100)} %: ${words.join(', ')}`
}
