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
import { type Content, PushError, type Remark } from '@roost/protocol'
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
  /** Of either, without the image. */
  readonly remark: ImageRemark | undefined
}

type ImageRemark = Pick<Remark, 'code' | 'values'>

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
  return [...placesOfImages(content).keys()]
}

/** Where each of them stands first. */
function placesOfImages(content: Content): Map<string, string> {
  const { apns, fcm, webPush, hms } = content
  const parts = Object.entries({
    content,
    'content/apns': apns,
    'content/fcm': fcm,
    'content/webPush': webPush,
    'content/hms': hms,
  })
  const places = new Map<string, string>()
  const add = (image: string | undefined, place: string): void => {
    if (image !== undefined && !isTemplate(image) && !places.has(image)) places.set(image, `${place}/image`)
  }
  for (const [place, part] of parts) {
    add(part?.image, place)
    for (const [language, words] of Object.entries(part?.languages ?? {}))
      add(words.image, `${place}/languages/${language}`)
  }
  return places
}

export interface ImageVerdict {
  readonly refusal: PushError | undefined
  /** What does not keep it from being sent, each with its image. */
  readonly remarks: readonly Remark[]
}

/** Its remarks, as they are stored with what is made: JSON; null when there are none. */
export function storedRemarksOf(images: ImageVerdict | undefined): string | null {
  if (images === undefined || images.remarks.length === 0) return null
  return JSON.stringify(images.remarks)
}

/** The words of its remarks alone, in the same way. */
export function warningsOf(images: ImageVerdict | undefined): string | null {
  if (images === undefined || images.remarks.length === 0) return null
  return JSON.stringify(images.remarks.map(it => it.text))
}

/** By the choice in the content. Throws nothing and waits for the network: not for inside a transaction. */
export async function judgeImages(prober: ImageProber, content: Content): Promise<ImageVerdict> {
  const places = [...placesOfImages(content)]
  if (places.length > IMAGES_MAX) return tooMany(places.length)
  const probed = await Promise.all(
    places.map(async ([image, place]) => ({ image, place, ...(await prober.probe(image)) })),
  )
  const bad = probed.filter(it => it.fault !== undefined)
  const remarks = probed.flatMap(it => remarkOf(it) ?? [])
  if (content.onBadImage === 'warn' || bad.length === 0) return { refusal: undefined, remarks }
  const refused = bad.flatMap(it => remarkOf(it) ?? [])
  const words = refused.map(it => it.text).join('; ')
  return { refusal: new PushError('image_refused', words, { remarks: refused }), remarks: [] }
}

function tooMany(count: number): ImageVerdict {
  const text = `body/content: ${count} different images; at most ${IMAGES_MAX} are looked at`
  const remark = {
    code: 'images_too_many',
    place: 'content/image',
    values: { count, limit: IMAGES_MAX },
    text,
  } as const
  return { refusal: new PushError('input_invalid', text, { remarks: [remark] }), remarks: [] }
}

/** Undefined for an image that all phones can show. */
export function remarkOf({
  image,
  place,
  fault,
  warning,
  remark,
}: ProbedImage & { readonly image: string; readonly place: string | null }): Remark | undefined {
  const said = fault ?? warning
  if (said === undefined || remark === undefined) return undefined
  const { code, values } = remark
  return { code, place, values: { image, ...values }, text: `image ${image}: ${said}` }
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
  if (!check.ok) return faulty(check.reason, 'image_refused_address', { reason: check.reason })
  try {
    return judge(await load(url, options))
  } catch (error) {
    if (error instanceof TooSlow)
      return faulty(error.message, 'image_slow', { milliseconds: error.deadlineMs })
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'it can not be loaded'
    return faulty(reason, 'image_not_loaded', { reason })
  }
}

class TooSlow extends Error {
  readonly deadlineMs: number

  constructor(deadlineMs: number) {
    super(`it was not loaded within ${deadlineMs} ms`)
    this.deadlineMs = deadlineMs
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
    const fail = (error: Error) => reject(signal.aborted ? new TooSlow(deadlineMs) : error)
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

function judge({ status, contentType: given, head, bytes }: Loaded): ProbedImage {
  const contentType = given.slice(0, 100)
  if (status >= 300 && status < 400)
    return faulty(`it answers ${status}, a redirect; give the URL that it leads to`, 'image_redirects', {
      status,
    })
  if (status !== 200) return faulty(`it answers ${status}`, 'image_status', { status })
  const type = SIGNATURES.find(([, begin]) => begin.test(head))?.[0]
  if (type === undefined)
    return faulty(
      `it is no JPEG, PNG, GIF or WebP${contentType === '' ? '' : `; it calls itself ${contentType}`}`,
      'image_unknown_kind',
      { contentType },
    )
  if (!/^image\//i.test(contentType))
    return faulty(
      `its content type is ${contentType === '' ? 'missing' : contentType} and not image/…`,
      'image_content_type',
      { contentType },
    )
  if (bytes > MAX_BYTES)
    return faulty(`it has more than ${MAX_BYTES} bytes`, 'image_too_large', { bytes, limit: MAX_BYTES })
  if (bytes <= ANDROID_MAX_BYTES) return { fault: undefined, warning: undefined, remark: undefined }
  return {
    fault: undefined,
    warning: `it has ${bytes} bytes; Android shows up to ${ANDROID_MAX_BYTES}`,
    remark: { code: 'image_large_for_android', values: { bytes, limit: ANDROID_MAX_BYTES } },
  }
}

function faulty(fault: string, code: Remark['code'], values: Remark['values']): ProbedImage {
  return { fault, warning: undefined, remark: { code, values } }
}
