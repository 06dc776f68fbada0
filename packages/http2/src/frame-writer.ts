/**
 * Frames into bytes, written at a place in a buffer that the caller provides and sizes; each function returns where the
 * next byte goes. Nothing is allocated.
 */
import { FLAG, FRAME, FRAME_HEADER_BYTES } from './protocol.ts'

export function writeFrameHeader(
  out: Buffer,
  at: number,
  bytes: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  out[at] = bytes >>> 16
  out[at + 1] = (bytes >>> 8) & 0xff
  out[at + 2] = bytes & 0xff
  out[at + 3] = type
  out[at + 4] = flags
  return writeUInt32(out, at + 5, streamId)
}

export function writeUInt32(out: Buffer, at: number, value: number): number {
  out[at] = value >>> 24
  out[at + 1] = (value >>> 16) & 0xff
  out[at + 2] = (value >>> 8) & 0xff
  out[at + 3] = value & 0xff
  return at + 4
}

/** 9 + 6 bytes a setting. */
export function writeSettings(
  out: Buffer,
  at: number,
  settings: readonly (readonly [id: number, value: number])[],
): number {
  let next = writeFrameHeader(out, at, settings.length * 6, FRAME.SETTINGS, 0, 0)
  for (const [id, value] of settings) {
    out[next] = id >>> 8
    out[next + 1] = id & 0xff
    next = writeUInt32(out, next + 2, value)
  }
  return next
}

/** 9 bytes. */
export function writeSettingsAck(out: Buffer, at: number): number {
  return writeFrameHeader(out, at, 0, FRAME.SETTINGS, FLAG.ACK, 0)
}

/** 17 bytes; `data[from, from + 8)` is the opaque data. */
export function writePing(out: Buffer, at: number, data: Buffer, from: number, isAck: boolean): number {
  const next = writeFrameHeader(out, at, 8, FRAME.PING, isAck ? FLAG.ACK : 0, 0)
  data.copy(out, next, from, from + 8)
  return next + 8
}

/** 13 bytes. */
export function writeReset(out: Buffer, at: number, streamId: number, code: number): number {
  return writeUInt32(out, writeFrameHeader(out, at, 4, FRAME.RST_STREAM, 0, streamId), code)
}

/** 13 bytes. */
export function writeWindowUpdate(out: Buffer, at: number, streamId: number, increment: number): number {
  return writeUInt32(out, writeFrameHeader(out, at, 4, FRAME.WINDOW_UPDATE, 0, streamId), increment)
}

/** 17 bytes and the debug data. */
export function writeGoAway(
  out: Buffer,
  at: number,
  lastStreamId: number,
  code: number,
  debug: Uint8Array,
): number {
  let next = writeFrameHeader(out, at, 8 + debug.length, FRAME.GOAWAY, 0, 0)
  next = writeUInt32(out, next, lastStreamId)
  next = writeUInt32(out, next, code)
  out.set(debug, next)
  return next + debug.length
}

/** What the longest of the fixed-size frames above needs. */
export const MAX_CONTROL_FRAME_BYTES = FRAME_HEADER_BYTES + 8
