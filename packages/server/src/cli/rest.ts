/** REST calls with a server token, as any back end makes them: for commands that start a server of their own. */

/** Throws on a status outside 2xx, with the answer in the message. */
export type Rest = <T>(method: string, path: string, body?: object) => Promise<T>

export function restOf(baseUrl: string, token: string): Rest {
  return async <T>(method: string, path: string, body?: object) => {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`)
    return JSON.parse(text) as T
  }
}
