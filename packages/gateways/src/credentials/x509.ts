/**
 * What Apple writes into a push certificate. Node shows neither the UID of a subject by its OID nor private extensions,
 * and node-forge's own reader of certificates refuses EC keys, so the fields are found by walking the DER.
 * Source: RFC 5280 §4.1; Apple, "Establishing a certificate-based connection to APNs".
 */
import forge from 'node-forge'
import type { ApnsEnvironment } from '../apns/settings.ts'

const { asn1, util } = forge

const OID_UID = '0.9.2342.19200300.100.1.1'
const OID_COMMON_NAME = '2.5.4.3'
const OID_VOIP = '1.2.840.113635.100.6.3.4'
const OID_TOPICS = '1.2.840.113635.100.6.3.6'
const ENVIRONMENT_OIDS = [
  ['production', '1.2.840.113635.100.6.3.2'],
  ['sandbox', '1.2.840.113635.100.6.3.1'],
] as const satisfies readonly (readonly [ApnsEnvironment, string])[]

const VERSION_TAG = 0
const EXTENSIONS_TAG = 3
/** Subject among the fields after the version: serial number, algorithm, issuer, validity, subject. */
const SUBJECT_AT = 4

export interface ApnsTopic {
  /** What `apns-topic` may be: `com.example.app.voip`. */
  readonly topic: string
  /** Apple's word for it: `app`, `voip`, `complication`, … */
  readonly kind: string
}

export interface AppleFields {
  readonly uid: string | undefined
  readonly commonName: string | undefined
  readonly environments: readonly ApnsEnvironment[]
  /** From the extensions; empty for a certificate of one topic, which is its UID. */
  readonly topics: readonly ApnsTopic[]
  readonly hasVoipMark: boolean
}

/** Throws on what is not a certificate. */
export function readAppleFields(der: Buffer): AppleFields {
  const certificate = asn1.fromDer(util.createBuffer(der.toString('binary')))
  const fields = childrenOf(childrenOf(certificate)[0]).filter(field => !isTagged(field, VERSION_TAG))
  const subject = namesOf(fields[SUBJECT_AT])
  const extensions = extensionsOf(fields.find(field => isTagged(field, EXTENSIONS_TAG)))
  const voip = extensions.get(OID_VOIP)
  return {
    uid: subject.get(OID_UID),
    commonName: subject.get(OID_COMMON_NAME),
    environments: ENVIRONMENT_OIDS.filter(([, oid]) => extensions.has(oid)).map(([name]) => name),
    topics: topicsOf([...textsOf(extensions.get(OID_TOPICS)), ...voipTextsOf(voip)]),
    hasVoipMark: voip !== undefined,
  }
}

/** The mark for VoIP may name its topic alone. */
function voipTextsOf(der: string | undefined): string[] {
  const [topic] = textsOf(der)
  return topic === undefined ? [] : [topic, 'voip']
}

/** A topic and its kind by turns: `com.x`, `app`, `com.x.voip`, `voip`. */
function topicsOf(texts: readonly string[]): ApnsTopic[] {
  const topics = new Map<string, string>()
  for (let i = 0; i < texts.length; i += 2) topics.set(texts[i] as string, texts[i + 1] ?? 'app')
  return [...topics].map(([topic, kind]) => ({ topic, kind }))
}

/** All strings of a DER value in their order; the kinds stand in sequences of their own. Nothing when it isn't DER. */
function textsOf(der: string | undefined): string[] {
  if (der === undefined) return []
  try {
    return collectTexts(asn1.fromDer(util.createBuffer(der)))
  } catch {
    return []
  }
}

function collectTexts(node: forge.asn1.Asn1): string[] {
  if (Array.isArray(node.value)) return node.value.flatMap(collectTexts)
  return isText(node) ? [textOf(node)] : []
}

function isText({ type }: forge.asn1.Asn1): boolean {
  return type === asn1.Type.UTF8 || type === asn1.Type.PRINTABLESTRING || type === asn1.Type.IA5STRING
}

function namesOf(name: forge.asn1.Asn1 | undefined): Map<string, string> {
  const pairs = childrenOf(name).flatMap(childrenOf).map(childrenOf)
  return new Map(pairs.flatMap(([oid, value]) => (oid && value ? [[oidOf(oid), textOf(value)]] : [])))
}

/** OID → the DER in its OCTET STRING, as a string of bytes. */
function extensionsOf(tagged: forge.asn1.Asn1 | undefined): Map<string, string> {
  const list = childrenOf(childrenOf(tagged)[0]).map(childrenOf)
  return new Map(
    list.map(extension => [
      oidOf(extension[0] as forge.asn1.Asn1),
      bytesOf(extension.at(-1)).toString('binary'),
    ]),
  )
}

function childrenOf(node: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] {
  return Array.isArray(node?.value) ? node.value : []
}

function isTagged({ tagClass, type }: forge.asn1.Asn1, tag: number): boolean {
  return tagClass === asn1.Class.CONTEXT_SPECIFIC && Number(type) === tag
}

function oidOf(node: forge.asn1.Asn1): string {
  return asn1.derToOid(util.createBuffer(bytesOf(node).toString('binary')))
}

/** UTF-8 holds for all of Apple's string types but BMPString, which node-forge decodes itself. */
function textOf(node: forge.asn1.Asn1): string {
  if (node.type === asn1.Type.BMPSTRING) return String(node.value)
  return bytesOf(node).toString('utf8')
}

function bytesOf(node: forge.asn1.Asn1 | undefined): Buffer {
  return Buffer.from(typeof node?.value === 'string' ? node.value : '', 'binary')
}
