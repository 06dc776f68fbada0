/**
 * Whether a message fits its gateways, told before anybody waits for it. Content that is the same for all is checked when
 * the message is made; what a template makes of it, by the gateways' clients for each device.
 */
import { type AttemptOutcome, findNotificationFault, type GatewayName } from '@roost/gateways'
import { type Content, type ErrorCode, PushError, type Remark } from '@roost/protocol'
import { findVariableFault } from './facts.ts'
import { languagesOf, partsOf, Renderer, type RendererOptions, type Rendering, type Texts } from './render.ts'
import {
  Budget,
  type CompiledText,
  compileText,
  isTemplate,
  ObjectShown,
  type RenderOptions,
  SyntaxFault,
  TemplateFault,
} from './template.ts'

const TOO_LARGE = /^payload_too_large: (\d+ bytes, (\d+) allowed); biggest: (.*)$/

/** A client's words for one payload, in such a form that deliveries with the same reason are counted together. */
export function faultOf(outcome: AttemptOutcome): AttemptOutcome {
  if (outcome.kind !== 'message_fault') return outcome
  const found = TOO_LARGE.exec(outcome.reason)
  if (found === null) return outcome
  const [, , allowed, biggest = ''] = found
  const fields = biggest.replaceAll(/ \d+(?=,|$)/g, '')
  return { ...outcome, reason: `message_too_large: more than ${allowed} bytes; biggest: ${fields}` }
}

export const GATEWAYS: readonly GatewayName[] = ['apns', 'fcm', 'webpush', 'hms']
const NAMES = { apns: 'APNs', fcm: 'FCM', webpush: 'Web Push', hms: 'HMS' } as const

/**
 * What is wrong with content, at any gateway for templates, and by the rules of those that the app sends to for the rest.
 * `message_too_large` or `input_invalid`; undefined when all is well.
 */
export function findContentFault(
  rendering: Rendering,
  gateways: readonly GatewayName[],
  named: Nameable = {},
): PushError | undefined {
  const refusal = findDefaultFault(rendering.content, named)
  if (refusal !== undefined) return refusal
  const texts: Texts = new Map()
  for (const gateway of GATEWAYS) {
    const options = { gateway, texts, counts: { shared: 0, personal: 0 } }
    const fault = faultAt(rendering, options, { ...named, isSentTo: gateways.includes(gateway) })
    if (fault !== undefined) return fault
  }
  return findObjectShown(rendering.content, texts)
}

/** What its templates may name besides devices. */
interface Nameable {
  readonly hasEvent?: boolean | undefined
}

function faultAt(
  rendering: Rendering,
  options: RendererOptions,
  { isSentTo, ...named }: Nameable & { readonly isSentTo: boolean },
): PushError | undefined {
  const { gateway } = options
  let renderer: Renderer
  try {
    renderer = new Renderer(rendering, options)
  } catch (error) {
    if (error instanceof TemplateFault) return unreadable(rendering.content, error)
    throw error
  }
  if (renderer.variables.some(it => findVariableFault(it, named) !== undefined))
    return unknownVariable(rendering.content, named)
  for (const language of languagesOf(rendering.content, gateway)) {
    const rendered = renderer.constantFor(language)
    if (rendered?.kind === 'fault') return refusalOf(rendered.reason, gateway, language)
    if (!isSentTo || rendered?.kind !== 'notification') continue
    const reason = findNotificationFault(gateway, rendered.notification)
    if (reason !== undefined) return refusalOf(reason, gateway, language)
  }
  return undefined
}

/** Whatever values devices have: found by showing nothing for each, so what stands behind an `if` is not looked at. */
function findObjectShown(content: Content, texts: Texts): PushError | undefined {
  const { defaults: _, ...rest } = content
  const options = { isBlank: true, budget: new Budget() }
  for (const [place, text] of textsIn(rest, 'body/content')) {
    const fault = objectShownBy(texts.get(text), options)
    if (fault !== undefined)
      return refusal('input_invalid', `${place}: ${fault.message}`, {
        code: 'template_object_shown',
        place: placeOf(place),
        values: {},
      })
  }
  return undefined
}

/** One budget bounds the work for all texts of a message. Other faults may come of the values that are not there. */
function objectShownBy(text: CompiledText | undefined, options: RenderOptions): ObjectShown | undefined {
  try {
    text?.render({ tags: {}, device: {}, user: {}, event: {} }, options)
  } catch (error) {
    if (error instanceof ObjectShown) return error
    if (!(error instanceof TemplateFault)) throw error
  }
  return undefined
}

/** A refusal with what it says, in values. */
function refusal(code: ErrorCode, text: string, remark: Omit<Remark, 'text'>): PushError {
  return new PushError(code, text, { remarks: [{ ...remark, text }] })
}

function placeOf(bodyPlace: string): string {
  return bodyPlace.replace(/^body\//, '')
}

/** What is rendered is put together from several places: where the text stands that can't be read is looked for afterwards. */
function unreadable(content: Content, error: TemplateFault): PushError {
  const { defaults: _, ...rest } = content
  for (const [place, text] of textsIn(rest, 'body/content')) {
    const fault = syntaxFaultIn(text)
    if (fault !== undefined)
      return refusal('input_invalid', `${place}: ${fault.message}`, {
        ...fault.remark,
        place: placeOf(place),
      })
  }
  return new PushError('input_invalid', `body/content/${error.message}`)
}

function syntaxFaultIn(text: string): SyntaxFault | undefined {
  if (!isTemplate(text)) return undefined
  try {
    compileText(text)
  } catch (error) {
    if (error instanceof SyntaxFault) return error
    throw error
  }
  return undefined
}

/** Variables of all languages and gateways come together in the renderer: where the wrong one stands is looked for afterwards. */
function unknownVariable(content: Content, named: Nameable): PushError {
  const { defaults: _, ...rest } = content
  for (const [place, text] of textsIn(rest, 'body/content')) {
    const found = faultInText(text, named)
    if (found === undefined) continue
    return refusal('input_invalid', `${place}: the template's ${found.fault}`, {
      code: 'template_variable_unknown',
      place: placeOf(place),
      values: { variable: found.variable },
    })
  }
  return new PushError('input_invalid', 'body/content: a template names a variable that is unknown')
}

interface UnknownVariable {
  readonly variable: string
  readonly fault: string
}

function faultInText(text: string, named: Nameable): UnknownVariable | undefined {
  if (!isTemplate(text)) return undefined
  for (const path of compileText(text).variables) {
    const fault = findVariableFault(path, named)
    if (fault !== undefined) return { variable: path.map(it => it ?? '…').join('.'), fault }
  }
  return undefined
}

/** Each with its place. */
function textsIn(value: unknown, place: string): (readonly [place: string, text: string])[] {
  if (typeof value === 'string') return [[place, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => textsIn(part, `${place}/${name}`))
}

const FAILED = /^template_failed: (.*)$/s

function refusalOf(reason: string, gateway: GatewayName, language: string): PushError {
  const where = language === '' ? NAMES[gateway] : `${NAMES[gateway]}, language ${language}`
  const place = language === '' ? 'content' : `content/languages/${language}`
  const found = TOO_LARGE.exec(reason)
  if (found !== null) {
    const [, said = '', limit, biggest = ''] = found
    const text = `${where}: ${said}; what takes most, in bytes: ${biggest}`
    const values = { gateway, language, bytes: Number.parseInt(said, 10), limit: Number(limit), biggest }
    return refusal('message_too_large', text, { code: 'payload_too_large', place, values })
  }
  const failed = FAILED.exec(reason)?.[1]
  const code = failed === undefined ? 'payload_refused' : 'template_fails'
  const values = { gateway, language, reason: failed ?? reason }
  return refusal('input_invalid', `body/content: ${where}: ${reason}`, { code, place, values })
}

function findDefaultFault({ defaults = {} }: Content, named: Nameable): PushError | undefined {
  for (const variable of Object.keys(defaults)) {
    const fault = findVariableFault(partsOf(variable), named)
    if (fault === undefined) continue
    return refusal('input_invalid', `body/content/defaults/${variable}: ${fault}`, {
      code: 'template_variable_unknown',
      place: `content/defaults/${variable}`,
      values: { variable },
    })
  }
  return undefined
}
