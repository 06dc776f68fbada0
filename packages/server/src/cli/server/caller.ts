/** A running server, called with a server token. */
import { Readable } from 'node:stream'
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'
import { requireServerToken } from './token.ts'
import { requireServerUrl } from './url.ts'

export interface ServerOptions {
  readonly app: string
  readonly url: string
  readonly token?: string
}

const NOT_OURS = 'See whether a proxy stands in front of the server and answers in its place.'
const AWAY = 'See that the server runs there, or name another one with --url.'

/** The server has refused a call. */
export class ServerRefusal extends StartError {
  readonly code: string | undefined

  constructor(
    code: string | undefined,
    { message, remedy }: { readonly message: string; readonly remedy: string },
  ) {
    super(plain(message), plain(remedy))
    this.code = code
  }
}

export class ServerCaller {
  readonly #options: ServerOptions
  readonly #authorization: string
  readonly #whenAway: string

  /** `whenAway`: what to do when the server does not answer. Throws StartError without a token, and for an address that is none. */
  constructor(options: ServerOptions, whenAway = AWAY) {
    requireServerUrl(options.url)
    this.#options = options
    this.#whenAway = whenAway
    this.#authorization = `Bearer ${requireServerToken(options.url, options.token)}`
  }

  /** `path` below the app. Throws StartError for every refusal of the server's. */
  async json<T>(method: string, path: string, body?: object): Promise<T> {
    const sent = body === undefined ? {} : { type: 'application/json', body: JSON.stringify(body) }
    const response = await this.#call(method, path, sent)
    return (response.status === 204 ? undefined : await readJson(response, `${method} ${path}`)) as T
  }

  async put<T>(path: string, part: { readonly type: string; readonly body: Buffer }): Promise<T> {
    return (await readJson(await this.#call('PUT', path, part), `PUT ${path}`)) as T
  }

  async stream(path: string): Promise<Readable> {
    const { body } = await this.#call('GET', path, {})
    return body === null
      ? Readable.from([])
      : Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
  }

  async #call(
    method: string,
    path: string,
    { type, body }: { readonly type?: string; readonly body?: string | Buffer },
  ): Promise<Response> {
    const { url, app } = this.#options
    const response = await fetch(new URL(`/v1/apps/${encodeURIComponent(app)}${path}`, url), {
      method,
      headers: {
        authorization: this.#authorization,
        ...(type === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    }).catch((error: Error) => {
      throw new StartError(
        `${url} does not answer: ${(error.cause as Error | undefined)?.message ?? error.message}`,
        this.#whenAway,
      )
    })
    if (response.ok) return response
    const answer = (await response.json().catch(() => undefined)) as Record<string, string> | undefined
    throw new ServerRefusal(answer?.code, {
      message: `${method} ${path}: ${answer?.detail ?? `status ${response.status}`}`,
      remedy: answer?.remedy ?? NOT_OURS,
    })
  }
}

async function readJson(response: Response, call: string): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    throw new StartError(`${plain(call)}: the answer is no JSON`, NOT_OURS)
  }
}
