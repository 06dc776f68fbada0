/**
 * Reads a stream of server-sent events out of the body of an answer.
 *
 * Not with the browser's `EventSource`: it can't send the header of a server token, and tells nothing of why it was
 * refused. Source: WHATWG HTML, "Server-sent events", §9.2.6 (lines end with CR, LF or both; fields; an empty line
 * dispatches; a line that begins with a colon is a comment).
 */

export interface ServerEvent {
  readonly name: string
  readonly data: string
}

/** The events as they come; ends with the body. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      // a CR at the very end may be half of a CRLF
      const blocks = (rest + value)
        .replace(/\r\n/g, '\n')
        .replace(/\r(?!$)/g, '\n')
        .split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = parseEvent(block)
        if (event) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Undefined for comments alone. */
export function parseEvent(block: string): ServerEvent | undefined {
  let name = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon === 0) continue
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') name = value
    if (field === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { name, data: data.join('\n') }
}
