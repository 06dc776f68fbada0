/** A running server, called with a server token. */
import { Readable } from 'node:stream'
import { StartError } from '../../store/folder.ts'

export interface ServerOptions {
  readonly app: string
  readonly url: string
  readonly token?: string
}

/** The server has refused a call. */
export class ServerRefusal extends StartError {
  readonly code: string | undefined

  constructor(
    code: string | undefined,
    { message, remedy }: { readonly message: string; readonly remedy: string },
  ) {
    super(message, remedy)
    this.code = code
  }
}

export class ServerCaller {
  readonly #options: ServerOptions
  readonly #authorization: string

  /** Throws StartError without a token. */
  constructor(options: ServerOptions) {
    const token = options.token ?? process.env.ROOST_BOOTSTRAP_TOKEN
    if (token === undefined || token === '')
      throw new StartError(
        'there is no server token',
        'Put one into the environment variable ROOST_BOOTSTRAP_TOKEN, or give --token; the first start keeps one in the file server-token of the data folder.',
      )
    this.#options = options
    this.#authorization = `Bearer ${token}`
  }

  /** `path` below the app. Throws StartError for every refusal of the server's. */
  async json<T>(method: string, path: string, body?: object): Promise<T> {
    const sent = body === undefined ? {} : { type: 'application/json', body: JSON.stringify(body) }
    return (await (await this.#call(method, path, sent)).json()) as T
  }

  async put<T>(path: string, part: { readonly type: string; readonly body: Buffer }): Promise<T> {
    return (await (await this.#call('PUT', path, part)).json()) as T
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
        'See that the server runs there; an import goes on where it stopped when the command is run again.',
      )
    })
    if (response.ok) return response
    const answer = (await response.json().catch(() => undefined)) as Record<string, string> | undefined
    throw new ServerRefusal(answer?.code, {
      message: `${method} ${path}: ${answer?.detail ?? `status ${response.status}`}`,
      remedy: answer?.remedy ?? 'See whether a proxy stands in front of the server and answers in its place.',
    })
  }
}
