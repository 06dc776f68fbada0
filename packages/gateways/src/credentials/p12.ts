/**
 * PKCS#12 files (`.p12`, `.pfx`): old ones with RC2-40 and 3DES as Keychain Access exports them, and those with AES.
 * OpenSSL 3, and with it Node, no longer opens the old ones; node-forge does.
 * Source: RFC 7292.
 */
import { type KeyObject, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import type { Clock } from '../clock.ts'
import { type ApnsCertificate, joinCertificate, readCertificate } from './certificate.ts'
import { readPrivateKey } from './private-key.ts'
import { fault, type Parsed } from './problem.ts'

const { asn1, pki, util } = forge

/** A certificate with key and chain has about 4 KB; the rest is room for whole chains. */
const MAX_P12_BYTES = 256 * 1024
/**
 * Of all keys in a file together: OpenSSL and Keychain Access write 2048 for each of three, Java 10 000. node-forge makes
 * some 250 000 a second, and nothing else is done meanwhile.
 */
const MAX_ITERATIONS = 300_000
/** Strings that hold DER: contents within the file, and bags within those. */
const MAX_NESTED = 2
const DER_SEQUENCE = 0x30
const P12_REMEDY =
  'Upload the .p12 file that Keychain Access exports, or that "openssl pkcs12 -export" makes from certificate and key.'
const CONVERT_REMEDY = 'Convert it: "openssl pkcs12 -in old.p12 -nodes -out push.pem", then upload push.pem.'

/**
 * An empty password also opens a file that was made without one. `clock` decides what is expired. Expiry doesn't keep it
 * from being read: see `problems` of the result.
 */
export function parseP12(bytes: Uint8Array, password: string, clock: Clock): Parsed<ApnsCertificate> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const misfit = describeOtherFile(file)
  if (misfit) return fault('p12_not_p12', misfit, P12_REMEDY)
  const opened = open(file, password)
  if (!opened.ok) return opened
  const { certificates, keys } = opened.value
  return joinCertificate(certificates, keys, clock)
}

/** What a file is that is no PKCS#12; `undefined` when it may be one. */
function describeOtherFile(file: Buffer): string | undefined {
  if (file.length === 0) return 'The file is empty.'
  if (file.length > MAX_P12_BYTES) return `The file has ${file.length} bytes; a .p12 file has a few thousand.`
  if (file[0] === DER_SEQUENCE) return describeOtherDer(file)
  return describeText(file.subarray(0, 4096).toString('latin1').trim())
}

function describeOtherDer(file: Buffer): string | undefined {
  if (readCertificate(file))
    return 'This is a certificate alone (.cer); a .p12 file holds its private key as well.'
  if (file.subarray(0, 64).includes(SIGNED_DATA))
    return 'This is a provisioning profile or another signed file.'
  return undefined
}

/** The OID 1.2.840.113549.1.7.2 of CMS. */
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex')

function describeText(text: string): string {
  if (text.startsWith('{')) return 'This is a JSON file.'
  if (text.startsWith('MII')) return 'This is the Base64 text of a file; it must be decoded once more.'
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, label]) => label)
  if (labels.length > 1) return 'This is a PEM file with several parts; it is uploaded as PEM, not as .p12.'
  if (labels[0]?.endsWith('PRIVATE KEY'))
    return 'This is a PEM private key, perhaps a .p8 file; it is no certificate.'
  if (labels[0] === 'CERTIFICATE') return 'This is a PEM certificate without its private key.'
  if (labels[0] === 'CERTIFICATE REQUEST')
    return 'This is a certificate request, which Apple answers with a certificate.'
  return 'This is not a PKCS#12 file.'
}

interface Opened {
  readonly certificates: readonly X509Certificate[]
  readonly keys: readonly KeyObject[]
}

/**
 * One password is written in several ways: none and the empty one are two things, and beyond ASCII the MAC takes it as
 * UTF-16 but AES as UTF-8, for which node-forge wants the bytes. So what the MAC refuses may still open without it.
 */
function open(file: Buffer, password: string): Parsed<Opened> {
  const structure = readDer(file)
  if (structure === undefined) return fault('p12_damaged', 'The file is cut or altered.', P12_REMEDY)
  if (allIterations(structure) > MAX_ITERATIONS) {
    return fault('p12_unsupported', 'The file would take too long to decrypt.', CONVERT_REMEDY)
  }
  const opened = tryOpen(structure, password)
  if (opened.ok) return opened
  if (password === '') return orElse(tryOpen(structure, undefined), opened)
  const utf8 = Buffer.from(password).toString('binary')
  return utf8 === password ? opened : orElse(tryOpen(withoutMac(structure), utf8), opened)
}

function orElse(second: Parsed<Opened>, first: Parsed<Opened>): Parsed<Opened> {
  return second.ok ? second : first
}

/** A PFX is a version, the contents, and the MAC over them (RFC 7292 §4). */
function withoutMac(structure: forge.asn1.Asn1): forge.asn1.Asn1 {
  return { ...structure, value: structure.value.slice(0, 2) as forge.asn1.Asn1[] }
}

function readDer(file: Buffer): forge.asn1.Asn1 | undefined {
  try {
    return asn1.fromDer(util.createBuffer(file.toString('binary')), true)
  } catch {
    return undefined
  }
}

/**
 * The numbers beside salts, which are the counts of key derivations, also in structures that stand inside of strings. One
 * that is itself encrypted is not seen.
 */
function allIterations(node: forge.asn1.Asn1, nestedAt = 0): number {
  if (!Array.isArray(node.value)) return allIterationsWithin(node, nestedAt)
  return node.value.reduce((sum, child, i, all) => {
    return sum + countBeside(child, all[i + 1]) + allIterations(child, nestedAt)
  }, 0)
}

function countBeside(salt: forge.asn1.Asn1, next: forge.asn1.Asn1 | undefined): number {
  const isPair = salt.type === asn1.Type.OCTETSTRING && next?.type === asn1.Type.INTEGER
  return isPair ? Number(`0x${util.bytesToHex(String(next.value)) || '0'}`) : 0
}

function allIterationsWithin(node: forge.asn1.Asn1, nestedAt: number): number {
  const isNested = node.type === asn1.Type.OCTETSTRING && String(node.value).startsWith('\x30')
  if (!isNested || nestedAt === MAX_NESTED) return 0
  const nested = readDer(Buffer.from(String(node.value), 'binary'))
  return nested === undefined ? 0 : allIterations(nested, nestedAt + 1)
}

function tryOpen(structure: forge.asn1.Asn1, password: string | undefined): Parsed<Opened> {
  try {
    const bags = forge.pkcs12
      .pkcs12FromAsn1(structure, false, password)
      .safeContents.flatMap(contents => contents.safeBags)
    return { ok: true, value: { certificates: bags.flatMap(certificateOf), keys: bags.flatMap(keyOf) } }
  } catch (error) {
    return describeFailure(error instanceof Error ? error.message : '', password)
  }
}

/** By node-forge's words, which hold nothing of the file. */
function describeFailure(message: string, password: string | undefined): Parsed<never> {
  if (/password|decrypt/i.test(message)) {
    const said = password
      ? 'The password does not open this file.'
      : 'This file has a password, and none was given.'
    return fault('p12_wrong_password', said, 'Give the password that was chosen when the file was exported.')
  }
  if (/unsupported|not supported|unknown/i.test(message)) {
    return fault('p12_unsupported', 'The file is encrypted in a way that is not supported.', CONVERT_REMEDY)
  }
  return fault('p12_damaged', 'This is not a PKCS#12 file, or it is cut or altered.', P12_REMEDY)
}

/** node-forge reads RSA only and leaves the rest as it stands in the file. */
function certificateOf(bag: forge.pkcs12.Bag): X509Certificate[] {
  if (bag.type !== pki.oids.certBag) return []
  const structure = bag.cert ? pki.certificateToAsn1(bag.cert) : bag.asn1
  return [new X509Certificate(derOf(structure))]
}

function keyOf(bag: forge.pkcs12.Bag): KeyObject[] {
  if (bag.type !== pki.oids.keyBag && bag.type !== pki.oids.pkcs8ShroudedKeyBag) return []
  const pem = bag.key ? pki.privateKeyToPem(bag.key) : util.encode64(derOf(bag.asn1).toString('binary'), 64)
  const key = readPrivateKey(
    bag.key ? pem : `-----BEGIN PRIVATE KEY-----\n${pem}\n-----END PRIVATE KEY-----\n`,
  )
  return key === undefined ? [] : [key]
}

function derOf(structure: forge.asn1.Asn1): Buffer {
  return Buffer.from(asn1.toDer(structure).getBytes(), 'binary')
}
