/**
 * The connection under the live channel: text both ways. Whoever has WebSocket takes `openWebSocket`; another platform brings its own.
 */

export interface Socket {
  send(text: string): void
  close(): void
}

export interface SocketEvents {
  onOpen(): void
  onText(text: string): void
  /** Once, also when it was never open. The code is that of RFC 6455: 1006 when there was no farewell. */
  onClose(code: number): void
}

/** Gives back at once; what comes of it the events tell, and not before the caller's turn is over. */
export type OpenSocket = (url: string, events: SocketEvents) => Socket

/** Of browsers, React Native and WebViews. Throws where the platform has none. */
export const openWebSocket: OpenSocket = (url, { onOpen, onText, onClose }) => {
  const socket = new WebSocket(url)
  socket.onopen = () => onOpen()
  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') onText(data)
  }
  socket.onclose = ({ code }) => onClose(code)
  return { send: text => socket.send(text), close: () => socket.close() }
}
