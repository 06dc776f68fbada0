/**
 * The key with which a device signs its receipts, put into a payload that is the same for all who get the same: as its last
 * field, so nothing is built anew for a device. Base 36, a dot and base64url need no escapes.
 */
const NAME = 'rk'
const CLOSING_BRACE = 0x7d

/** `body` is a JSON object with a field at least. As it is where the key would take it over `maxBytes`. */
export function withReceiptKey(body: Buffer, receiptKey: string | undefined, maxBytes: number): Buffer {
  if (receiptKey === undefined) return body
  const field = `,"${NAME}":"${receiptKey}"}`
  const end = body.length - 1
  if (end + field.length > maxBytes || body[end] !== CLOSING_BRACE) return body
  const signed = Buffer.allocUnsafe(end + field.length)
  body.copy(signed, 0, 0, end)
  signed.write(field, end, 'latin1')
  return signed
}

const DATA = '{"data":{"'

/** `content` as JSON, whose data comes first; counted are all of its characters, of which the limit is only about some. */
export function withReceiptKeyInData(
  content: string,
  receiptKey: string | undefined,
  maxBytes: number,
): string {
  if (receiptKey === undefined || !content.startsWith(DATA) || content.includes(`"${NAME}":`)) return content
  const field = `"${NAME}":"${receiptKey}",`
  if (Buffer.byteLength(content) + field.length > maxBytes) return content
  return DATA.slice(0, -1) + field + content.slice(DATA.length - 1)
}
