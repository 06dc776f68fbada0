/** Somebody with a browser: keeps the cookie that it is given, and calls from a page of the server. */
import type { Answer } from './roost.ts'

export const PASSWORD = 'seven quiet herons under glass'
/** As the server of the test is told to believe: `ROOST_TRUSTED_PROXIES: '127.0.0.1'`. */
export interface VisitorOptions {
  readonly url: string
  /** Default: none is named. */
  readonly ip?: string
}

export class Visitor {
  readonly #options: VisitorOptions
  cookie: string | undefined
  /** The whole header that set it. */
  setCookie: string | undefined

  constructor(options: VisitorOptions) {
    this.#options = options
  }

  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    const { url, ip } = this.#options
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        origin: url,
        ...(this.cookie !== undefined && { cookie: this.cookie }),
        ...(ip !== undefined && { 'x-forwarded-for': ip }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    this.#keep(response.headers.getSetCookie()[0])
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson && text !== '' ? JSON.parse(text) : text) as T,
    }
  }

  #keep(header: string | undefined): void {
    if (header === undefined) return
    this.setCookie = header
    const [pair = ''] = header.split(';')
    this.cookie = pair.endsWith('=') ? undefined : pair
  }

  signIn(name: string, more: { readonly password?: string; readonly oneTimeCode?: string } = {}) {
    return this.call<{ code?: string; person?: { id: number } }>('POST', '/v1/session', {
      name,
      password: PASSWORD,
      ...more,
    })
  }
}
