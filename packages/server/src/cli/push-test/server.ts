/** Has a running server send it, with what is stored there. */
import type { CredentialView, NewPushTest, PushTestResult } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { ServerCaller } from '../server/caller.ts'
import { type CredentialOptions, credentialFromFiles, hasCredentialFile } from './credential.ts'

export interface ServerOptions {
  readonly app?: string
  readonly url: string
  readonly credential?: string
}

export interface TestingServer {
  /** The stored one that is named, or one from files. */
  chooseCredential(): Promise<{ readonly credential: object; readonly gateway: string }>
  run(input: NewPushTest): Promise<PushTestResult>
}

/** Throws StartError without a token, and for every refusal of the server's. */
export async function callServer(options: ServerOptions & CredentialOptions): Promise<TestingServer> {
  // --token is the device's here
  const server = new ServerCaller({ url: options.url, app: options.app ?? '' })
  return {
    chooseCredential: async () => {
      if (hasCredentialFile(options)) {
        const inline = await credentialFromFiles(options)
        return { credential: { inline }, gateway: inline.gateway }
      }
      const { credentials } = await server.json<{ credentials: CredentialView[] }>('GET', '/credentials')
      const chosen = credentials.find(it => it.id === options.credential)
      if (chosen === undefined) throw notChosen(options.credential, credentials)
      return { credential: { id: chosen.id }, gateway: chosen.gateway }
    },
    run: input => server.json('POST', '/push-test', input),
  }
}

function notChosen(id: string | undefined, credentials: readonly CredentialView[]): StartError {
  const list = credentials.map(it => `${it.id} (${it.gateway}, ${it.kind}, ${it.status})`).join('; ')
  return new StartError(
    id === undefined ? 'no credential is named' : `this app has no credential ${id}`,
    `Give --credential with one of this app’s: ${list || 'it has none yet'}.`,
  )
}
