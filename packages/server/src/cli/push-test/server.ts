/** Has a running server send it, with what is stored there. */
import type { CredentialView, NewPushTest, PushTestResult } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { type CredentialOptions, credentialFromFiles, hasCredentialFile } from './credential.ts'

export interface ServerOptions {
  readonly app?: string
  readonly url: string
  readonly credential?: string
}

export interface ServerCaller {
  /** The stored one that is named, or one from files. */
  chooseCredential(): Promise<{ readonly credential: object; readonly gateway: string }>
  run(input: NewPushTest): Promise<PushTestResult>
}

/** Throws StartError without a token, and for every refusal of the server's. */
export async function callServer(options: ServerOptions & CredentialOptions): Promise<ServerCaller> {
  const token = process.env.ROOST_BOOTSTRAP_TOKEN
  if (!token)
    throw new StartError(
      'there is no server token',
      'Put one into the environment variable ROOST_BOOTSTRAP_TOKEN; the first start keeps one in the file server-token of the data folder.',
    )
  const call = <T>(method: string, path: string, body?: object) =>
    request<T>({ url: options.url, token, method, path: `/v1/apps/${options.app}${path}` }, body)
  return {
    chooseCredential: async () => {
      if (hasCredentialFile(options)) {
        const inline = await credentialFromFiles(options)
        return { credential: { inline }, gateway: inline.gateway }
      }
      const { credentials } = await call<{ credentials: CredentialView[] }>('GET', '/credentials')
      const chosen = credentials.find(it => it.id === options.credential)
      if (chosen === undefined) throw notChosen(options.credential, credentials)
      return { credential: { id: chosen.id }, gateway: chosen.gateway }
    },
    run: input => call('POST', '/push-test', input),
  }
}

function notChosen(id: string | undefined, credentials: readonly CredentialView[]): StartError {
  const list = credentials.map(it => `${it.id} (${it.gateway}, ${it.kind}, ${it.status})`).join('; ')
  return new StartError(
    id === undefined ? 'no credential is named' : `this app has no credential ${id}`,
    `Give --credential with one of this app’s: ${list || 'it has none yet'}.`,
  )
}

interface Call {
  readonly url: string
  readonly token: string
  readonly method: string
  readonly path: string
}

async function request<T>({ url, token, method, path }: Call, body?: object): Promise<T> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: Error) => {
    throw new StartError(
      `${url} does not answer: ${(error.cause as Error | undefined)?.message ?? error.message}`,
      'See that the server runs there, or name another one with --url.',
    )
  })
  const answer = (await response.json().catch(() => undefined)) as Record<string, string> | undefined
  if (response.ok && answer !== undefined) return answer as T
  throw new StartError(
    `${method} ${path}: ${answer?.detail ?? `status ${response.status}`}`,
    answer?.remedy ?? 'See whether a proxy stands in front of the server and answers in its place.',
  )
}
