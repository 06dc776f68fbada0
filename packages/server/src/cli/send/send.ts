/** What `roost send` does: makes the message out of a file and options, hands it to the server, and watches it. */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { DryRun, MessageView, PreflightView } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'
import { ServerCaller } from '../server/caller.ts'

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
  readonly route?: string
  /** Seconds. */
  readonly pushAfter?: number
  readonly file?: string
  /** The id of a message that it takes the place of. */
  readonly change?: string
  readonly dryRun?: boolean
  readonly lang?: string
  readonly watch?: boolean
  readonly json?: boolean
}

interface Loss {
  readonly outcome: string
  readonly reason: string
  readonly gateway: string | null
  readonly count: number
}

const LOOK_AGAIN_MS = 500

/**
 * Prints its id; with `watch` a line whenever its counts have changed, and with `json` one line at the end. With `dryRun` nothing is
 * sent. Throws StartError.
 */
export async function sendMessage(options: SendOptions, print: (line: string) => void): Promise<void> {
  const server = new ServerCaller(options)
  const message = messageOf(options, await readMessageFile(options.file))
  if (options.dryRun === true) {
    const found = await server.json<PreflightView>('POST', '/diagnose', {
      send: message,
      ...given({ lang: options.lang }),
    })
    return printPreflight(found, options, print)
  }
  const created = await sendTo(server, options, message)
  if (!options.json) for (const line of [created.id, ...plain(created.warnings ?? [])]) print(line)
  if (options.watch !== true) {
    if (options.json) print(JSON.stringify(created))
    return
  }
  const ended = await watch(server, created.id, line => {
    if (!options.json) print(line)
  })
  if (options.json) print(JSON.stringify({ ...created, state: ended.state, counts: ended.counts }))
  else for (const line of await lossLines(server, options.app, ended)) print(line)
}

/** Who was not reached, by reason, and what tells more of it. */
async function lossLines(server: ServerCaller, app: string, { id, counts }: MessageView): Promise<string[]> {
  if (counts.accepted === counts.targeted) return []
  const path = `/messages/${id}/exceptions`
  const { exceptions } = await server.json<{ exceptions: readonly Loss[] }>('GET', path)
  const lost = plain(exceptions).map(
    ({ outcome, reason, gateway, count }) =>
      `  ${count} ${outcome}: ${reason}${gateway === null ? '' : ` (${gateway})`}`,
  )
  return lost.length === 0 ? [] : [...lost, `  → roost diagnose --app ${app} --message ${id} says why`]
}

interface Sent {
  readonly id: string
  readonly warnings?: string[]
}

async function sendTo(server: ServerCaller, { change }: SendOptions, message: Message): Promise<Sent> {
  if (change === undefined) return server.json<Sent>('POST', '/messages', message)
  const { id, warnings } = await server.json<Required<Sent>>(
    'PUT',
    `/messages/${encodeURIComponent(change)}`,
    message,
  )
  return { id, ...(warnings.length > 0 && { warnings }) }
}

/** Throws StartError for a message that would be refused, with all that was found of it. */
function printPreflight(view: PreflightView, { json }: SendOptions, print: (line: string) => void): void {
  const { dryRun, refusal, findings, looked, places } = json ? view : plain(view)
  const found = findings.flatMap(wordsOfFinding)
  if (refusal !== null || dryRun === null) {
    if (!json) for (const line of found) print(line)
    throw new StartError(
      `it would be refused (${refusal?.code}): ${plain(refusal?.detail)}`,
      refusal?.remedy ?? 'Correct what is named here.',
    )
  }
  if (json) return print(JSON.stringify({ ...dryRun, findings, looked, places }))
  for (const line of [...linesOf(dryRun), ...placeLines(places), ...found, 'nothing was sent']) print(line)
}

/** Of one environment alone nothing has to be said. */
function placeLines(places: PreflightView['places']): string[] {
  const apple = places.filter(it => it.gateway === 'apns')
  if (apple.length < 2) return []
  return [`of Apple’s environments: ${apple.map(it => `${it.devices} ${it.environment}`).join(', ')}`]
}

function wordsOfFinding({
  rule,
  title,
  effect,
  devices,
  of,
  example,
  remedy,
}: PreflightView['findings'][number]): string[] {
  const share = devices === null ? '' : ` (${devices} of ${of} looked at)`
  return [
    `${effect}${share}: ${rule} ${title}. ${example}`,
    ...remedy.steps.map(it => `  → ${remedy.who}: ${it.text}`),
  ]
}

const SHOWN_DEVICES = 5

function linesOf({ reach, errorPercent, connected, sizes, sample, warnings }: DryRun): string[] {
  const about = errorPercent > 0 ? ` (estimates; ± ${errorPercent} %)` : ''
  const { devices, withAddress, valid, permitted } = reach
  const now = connected === null ? '' : ` → by the live channel alone: ${connected} connected now`
  return [
    `${devices} devices → ${withAddress} with an address → ${valid} of these alive → ${permitted} may show something${now}${about}`,
    ...sizes.map(
      it => `${variantOf(it)}${it.gateway}${languageOf(it.language)}: ${it.bytes} of ${it.limit} bytes`,
    ),
    ...whatMattersFirst(sample)
      .slice(0, SHOWN_DEVICES)
      .map(it => `${variantOf(it)}${it.hwid} (${it.gateway}): ${wordsOfSample(it)}`),
    ...warnings.map(it => `warning: ${it}`),
  ]
}

function variantOf({ variant }: { readonly variant?: string | undefined }): string {
  return variant === undefined ? '' : `variant "${variant}", `
}

function languageOf(language: string | null): string {
  return language === null ? '' : ` in ${language}`
}

/** Those who would not get it, with the reason. */
function whatMattersFirst(sample: DryRun['sample']): DryRun['sample'] {
  return sample.toSorted((a, b) => Number(a.sendAt !== null) - Number(b.sendAt !== null))
}

function wordsOfSample({ outcome, reason, sendAt, bytes, title, body }: DryRun['sample'][number]): string {
  if (outcome === 'deferred') return `deferred to ${sendAt}, ${reason}`
  if (outcome !== 'sent') return `${outcome}, ${reason}`
  const words = [title, body].filter(it => it !== null)
  return [`would be sent, ${bytes} bytes`, ...(words.length > 0 ? [words.join(' · ')] : [])].join(': ')
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
  const { title, body, image, link: url, at: sendAt, collapseKey, lane, route } = options
  const to = targetOf(options) ?? file.to
  if (to === undefined)
    throw new StartError(
      'it is for nobody',
      'Give --to-all, --segment, --device or --user, or "to" in --file.',
    )
  const content = { ...(file.content as object | undefined), ...given({ title, body, image, url }) }
  const fields = { sendAt, collapseKey, lane, route, pushAfterSeconds: options.pushAfter }
  return { ...file, ...given(fields), to, content }
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

function wordsOf({ state, progress, counts, held, retrying }: MessageView): string {
  const { targeted, accepted, dead, failed, skipped, uncertain, pending } = counts
  const all = { targeted, accepted, dead, failed, skipped, uncertain, pending }
  const words = Object.entries(all).map(([name, count]) => `${count} ${name}`)
  const waits = [...placesOf('held', held), ...placesOf('tried again', retrying)]
  return [`${state} ${Math.floor(progress * 100)} %: ${words.join(', ')}`, ...waits].join('; ')
}

/** "held at apns: InvalidProviderToken": what else would one wait for. */
function placesOf(what: string, places: MessageView['held']): string[] {
  return plain(places).map(({ gateway, reason }) => `${what} at ${gateway}: ${reason}`)
}
