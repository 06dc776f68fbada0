/** A credential from the files that the vendors give, in the shape of `POST …/credentials`. */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { StartError } from '../../store/folder.ts'
import { readJsonFile, readTextFile } from './input.ts'

export interface CredentialOptions {
  readonly p8?: string
  readonly keyId?: string
  readonly teamId?: string
  readonly bundleId?: string
  readonly p12?: string
  readonly pem?: string
  readonly passwordFile?: string
  readonly serviceAccount?: string
  readonly vapid?: string
  readonly hms?: string
  readonly credentialFile?: string
}

export type GivenCredential = { readonly gateway: string } & Readonly<Record<string, unknown>>

type Reader = (options: CredentialOptions, file: string) => Promise<GivenCredential>

const READERS: Readonly<Record<string, Reader>> = {
  p8: readP8,
  p12: async (options, file) => ({
    gateway: 'apns',
    kind: 'p12',
    p12: (await readBytes(file)).toString('base64'),
    password: (await passwordFor(options, file)) ?? '',
    ...given('bundleId', options.bundleId),
  }),
  pem: async (options, file) => ({
    gateway: 'apns',
    kind: 'pem',
    pem: await readTextFile(file),
    ...given('password', await passwordFor(options, file)),
    ...given('bundleId', options.bundleId),
  }),
  serviceAccount: async (_options, file) => ({
    gateway: 'fcm',
    kind: 'service-account',
    serviceAccount: await readJsonFile(file),
  }),
  vapid: async (_options, file) => ({ ...(await readJsonFile(file)), gateway: 'webpush', kind: 'vapid' }),
  hms: async (_options, file) => ({ ...(await readJsonFile(file)), gateway: 'hms', kind: 'client' }),
  credentialFile: async (_options, file) => (await readJsonFile(file)) as GivenCredential,
}

/** Whether one is named at all. */
export function hasCredentialFile(options: CredentialOptions): boolean {
  return namedIn(options).length > 0
}

/** Throws StartError when none or more than one is named, or it can't be read. */
export async function credentialFromFiles(options: CredentialOptions): Promise<GivenCredential> {
  const [only, ...more] = namedIn(options)
  if (only === undefined || more.length > 0)
    throw new StartError(
      only === undefined ? 'no credential is named' : 'more than one credential is named',
      'Give one of --p8, --p12, --pem, --service-account, --vapid, --hms, --credential-file; or --app and --credential with a server.',
    )
  return only.read(options, only.file)
}

function namedIn(options: CredentialOptions): { readonly read: Reader; readonly file: string }[] {
  return Object.entries(READERS).flatMap(([name, read]) => {
    const file = options[name as keyof CredentialOptions]
    return file === undefined ? [] : [{ read, file }]
  })
}

async function readP8(
  { keyId, teamId, bundleId }: CredentialOptions,
  file: string,
): Promise<GivenCredential> {
  // As Apple names it.
  const named = /^AuthKey_([A-Z0-9]{10})\.p8$/.exec(basename(file))?.[1]
  const missing = Object.entries({ '--key-id': keyId ?? named, '--team-id': teamId, '--bundle-id': bundleId })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name)
  if (missing.length > 0)
    throw new StartError(
      `a .p8 key needs ${missing.join(', ')}`,
      'They are on developer.apple.com: the key id beside the key, the team id under Membership, the bundle id under Identifiers.',
    )
  return {
    gateway: 'apns',
    kind: 'p8',
    keyId: keyId ?? named,
    teamId,
    bundleId,
    p8: await readTextFile(file),
  }
}

async function readBytes(file: string): Promise<Buffer> {
  return readFile(file).catch((error: Error) => {
    throw new StartError(`${file} can't be read: ${error.message}`, 'Check the name and the permissions.')
  })
}

/** Never from the command line, where every user of the machine could read it. */
async function passwordFor({ passwordFile }: CredentialOptions, file: string): Promise<string | undefined> {
  if (passwordFile !== undefined) return (await readTextFile(passwordFile)).replace(/\r?\n$/, '')
  if (process.env.P12_PASSWORD !== undefined) return process.env.P12_PASSWORD
  if (!process.stdin.isTTY) return undefined
  return askHidden(`Password of ${basename(file)} (empty for none): `)
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question)
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: unseen, terminal: true })
  reader.on('SIGINT', () => process.exit(130))
  try {
    return await reader.question('')
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}

function given(name: string, value: string | undefined): object {
  return value === undefined ? {} : { [name]: value }
}
