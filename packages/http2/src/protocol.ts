/**
 * The numbers of HTTP/2: frame types, flags, settings, error codes, and the errors that a peer's bytes can cause.
 * Source: RFC 9113 §6 (frames), §6.5.2 (settings), §7 (error codes).
 */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
export const FRAME_HEADER_BYTES = 9

export const FRAME = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const

export const FLAG = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const

export const SETTING = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const

export const ERROR = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const

const ERROR_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERROR).map(([name, code]) => [code, name]),
)

/** `REFUSED_STREAM`; for a code that no RFC names `error 0x…`. */
export function errorName(code: number): string {
  return ERROR_NAMES.get(code) ?? `error 0x${code.toString(16)}`
}

export const DEFAULT_WINDOW_BYTES = 65_535
export const MAX_WINDOW_BYTES = 2 ** 31 - 1
export const DEFAULT_FRAME_BYTES = 16_384
export const MAX_FRAME_BYTES = 2 ** 24 - 1
export const DEFAULT_TABLE_BYTES = 4096
export const MAX_STREAM_ID = 2 ** 31 - 1

/** The peer broke the protocol: the connection ends with this code (RFC 9113 §5.4.1). */
export class ConnectionError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'ConnectionError'
    this.code = code
  }
}
