/**
 * Images, looked at when a message is made: a phone that can't load one shows the notification without it and tells
 * nobody. https alone, no redirects, and no address of our own network: the URL may come from whoever may send.
 *
 * Android shows an image of up to 1 MB. Source: Firebase, "Send an image in the notification payload".
 */
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { rootCertificates } from 'node:tls'
import { checkEndpointUrl, createGuardedLookup } from '@roost/gateways'
import { type Content, PushError } from '@roost/protocol'
import type { Clock } from '../time.ts'
import { isTemplate } from './template.ts'

export interface ImageProberOptions {
  readonly clock: Clock
  readonly allowPrivate: boolean
  /** PEM, added to the trusted roots. */
  readonly extraCa?: string | undefined
  /** Of one image. Default 5000. */
  readonly deadlineMs?: number
}

export interface ProbedImage {
  /** In words; undefined when phones can show it. */
  readonly fault: string | undefined
  /** What part of the phones will not show it. */
  readonly warning: string | undefined
}

const DEADLINE_MS = 5000
/** Ours: an iPhone's extension has 30 seconds for it, on any network. */
const MAX_BYTES = 10_000_000
const ANDROID_MAX_BYTES = 1_000_000
/** The longest signature below. */
const HEAD_BYTES = 12
/** Back ends send the same image again and again; a minute is short enough for a mended one. */
const BELIEVED_MS = 60_000
const REMEMBERED = 1000
/** Of one message: each is another wait for its sender. */
export const IMAGES_MAX = 20

const SIGNATURES: readonly (readonly [type: string, begin: RegExp])[] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG/],
  ['GIF', /^GIF8/],
  ['WebP', /^RIFF[\s\S]{4}WEBP/],
]

/** Different ones, without those that are templates: these are known when they are sent. */
export function imagesOf(content: Content): string[] {
  const parts = [content, content.apns, content.fcm, content.webPush, content.hms]
  const all = parts.flatMap(it => [
    it?.image,
    ...Object.values(it?.languages ?? {}).map(words => words.image),
  ])
  return [...new Set(all.filter(it => it !== undefined && !isTemplate(it)))] as string[]
}

export interface ImageVerdict {
  readonly refusal: PushError | undefined
  /** In words, each with its image. */
  readonly warnings: readonly string[]
}

/** By the choice in the content. Throws nothing and waits for the network: not for inside a transaction. */
export async function judgeImages(prober: ImageProber, content: Content): Promise<ImageVerdict> {
  const images = imagesOf(content)
  if (images.length > IMAGES_MAX) {
    const words = `body/content: ${images.length} different images; at most ${IMAGES_MAX} are looked at`
    return { refusal: new PushError('input_invalid', words), warnings: [] }
  }
  const probed = await Promise.all(images.map(async image => ({ image, ...(await prober.probe(image)) })))
  const faults = probed.flatMap(({ image, fault }) =>
    fault === undefined ? [] : [`image ${image}: ${fault}`],
  )
  const warnings = probed.flatMap(({ image, warning }) =>
    warning === undefined ? [] : [`image ${image}: ${warning}`],
  )
  if (content.onBadImage === 'warn' || faults.length === 0)
    return { refusal: undefined, warnings: [...faults, ...warnings] }
  return { refusal: new PushError('image_refused', faults.join('; ')), warnings: [] }
}

export class ImageProber {
  readonly #options: ImageProberOptions
  readonly #probed = new Map<string, { readonly at: number; readonly probe: Promise<ProbedImage> }>()

  constructor(options: ImageProberOptions) {
    this.#options = options
  }

  /** Never rejects. */
  probe(url: string): Promise<ProbedImage> {
    const now = this.#options.clock.now()
    const known = this.#probed.get(url)
    if (known !== undefined && now - known.at < BELIEVED_MS) return known.probe
    if (this.#probed.size >= REMEMBERED) this.#probed.clear()
    const probe = probeImage(url, this.#options)
    this.#probed.set(url, { at: now, probe })
    return probe
  }
}

async function probeImage(url: string, options: ImageProberOptions): Promise<ProbedImage> {
  const check = checkEndpointUrl(url, options)
  if (!check.ok) return faulty(check.reason)
  try {
    return judge(await load(url, options))
  } catch (error) {
    return faulty(error instanceof Error ? error.message.slice(0, 200) : 'it can not be loaded')
  }
}

interface Loaded {
  readonly status: number
  readonly contentType: string
  readonly head: string
  /** As far as it was read. */
  readonly bytes: number
}

function load(
  url: string,
  { allowPrivate, extraCa, deadlineMs = DEADLINE_MS }: ImageProberOptions,
): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(deadlineMs)
    const outgoing = request(url, {
      headers: { accept: 'image/*' },
      lookup: createGuardedLookup({ allowPrivate }),
      agent: false,
      signal,
      ...(extraCa === undefined ? {} : { ca: [...rootCertificates, extraCa] }),
    })
    const fail = (error: Error) =>
      reject(signal.aborted ? new Error(`it was not loaded within ${deadlineMs} ms`) : error)
    outgoing.on('response', answer => {
      readImage(answer).then(resolve, fail)
    })
    outgoing.on('upgrade', (_answer, socket) => socket.destroy())
    outgoing.on('error', fail)
    outgoing.on('close', () => fail(new Error('the connection was closed without an answer')))
    outgoing.end()
  })
}

/** Its size is what comes and not what is announced; no more of it is kept than its first bytes. */
async function readImage(answer: IncomingMessage): Promise<Loaded> {
  const { statusCode: status = 0, headers } = answer
  const loaded = { status, contentType: headers['content-type'] ?? '', head: '', bytes: 0 }
  if (status !== 200) {
    answer.destroy()
    return loaded
  }
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (loaded.head.length < HEAD_BYTES)
      loaded.head += chunk.subarray(0, HEAD_BYTES - loaded.head.length).toString('latin1')
    loaded.bytes += chunk.length
    if (loaded.bytes > MAX_BYTES) break // leaving the loop ends the connection
  }
  return loaded
}

function judge({ status, contentType, head, bytes }: Loaded): ProbedImage {
  if (status >= 300 && status < 400)
    return faulty(`it answers ${status}, a redirect; give the URL that it leads to`)
  if (status !== 200) return faulty(`it answers ${status}`)
  const type = SIGNATURES.find(([, begin]) => begin.test(head))?.[0]
  if (type === undefined)
    return faulty(
      `it is no JPEG, PNG, GIF or WebP${contentType === '' ? '' : `; it calls itself ${contentType.slice(0, 100)}`}`,
    )
  if (!/^image\//i.test(contentType))
    return faulty(
      `its content type is ${contentType === '' ? 'missing' : contentType.slice(0, 100)} and not image/…`,
    )
  if (bytes > MAX_BYTES) return faulty(`it has more than ${MAX_BYTES} bytes`)
  if (bytes <= ANDROID_MAX_BYTES) return { fault: undefined, warning: undefined }
  return { fault: undefined, warning: `it has ${bytes} bytes; Android shows up to ${ANDROID_MAX_BYTES}` }
}

function faulty(fault: string): ProbedImage {
  return { fault, warning: undefined }
}
