/**
 * Where NATS is, and as whom to enter: read from a URL as other clients of NATS take it, one or several by commas. A name alone
 * is a token.
 * Source: docs.nats.io, "Connecting", "Authenticating with a User and Password", "Authenticating with a Token".
 */
const PORT_DEFAULT = '4222'

/** What a fault says; it never quotes the URL, which may hold a password. */
const SHAPE = 'must be nats://user:password@host:port, or tls:// for TLS, and several of them by commas'

export interface NatsPlace {
  /** `host:port`, tried in any order. */
  readonly servers: readonly string[]
  /** Without it a server that asks for TLS gets it, too. */
  readonly isTls: boolean
  readonly login: NatsLogin | undefined
}

export type NatsLogin = { readonly user: string; readonly pass: string } | { readonly token: string }

/** Throws an Error that names the fault and holds no secret. */
export function readNatsPlace(text: string): NatsPlace {
  const urls = text.split(',').map(it => readUrl(it.trim()))
  const [isTls, ...otherSchemes] = new Set(urls.map(it => it.protocol === 'tls:'))
  if (otherSchemes.length > 0) throw new Error('must be nats:// for all of its servers, or tls:// for all')
  const logins = urls.filter(it => it.username !== '')
  const [first] = logins
  if (logins.some(it => it.username !== first?.username || it.password !== first.password))
    throw new Error('must name one user and password for all of its servers')
  return {
    servers: urls.map(it => `${it.hostname}:${it.port || PORT_DEFAULT}`),
    isTls: isTls ?? false,
    login: first === undefined ? undefined : loginOf(first),
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const hasHost = url !== undefined && /^(nats|tls):$/.test(url.protocol) && url.hostname !== ''
  if (!hasHost || !/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') throw new Error(SHAPE)
  return url
}

function loginOf({ username, password }: URL): NatsLogin {
  try {
    const user = decodeURIComponent(username)
    return password === '' ? { token: user } : { user, pass: decodeURIComponent(password) }
  } catch {
    throw new Error('has a "%" in its user or password that is not written as %25')
  }
}
