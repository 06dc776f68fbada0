/**
 * The key with which a device signs its receipts, put into a payload that is the same for all who get the same: as its last
 * field, so nothing is built anew for a device. Base 36, a dot and base64url need no escapes.
 */
const NAME = 'rk'
const CLOSING_BRACE = 0x7d

/** `body` is a JSON object with a field at least. As it is where the key would take it over `maxBytes`. */
export function withReceiptKey(body: Buffer, receiptKey: string | undefined, maxBytes: number): Buffer {
  return receiptKey === undefined ? body : withField(body, `"${NAME}":"${receiptKey}"`, maxBytes)
}

/** `field`: a name and its value, as JSON. */
export function withField(body: Buffer, field: string, maxBytes: number): Buffer {
  const ending = `,${field}}`
  const end = body.length - 1
  const length = end + Buffer.byteLength(ending)
  if (length > maxBytes || body[end] !== CLOSING_BRACE) return body
  const extended = Buffer.allocUnsafe(length)
  body.copy(extended, 0, 0, end)
  extended.write(ending, end, 'utf8')
  return extended
}

const DATA = '{"data":{"'

/** `content` as JSON, whose data comes first; counted are all of its characters, of which the limit is only about some. */
export function withReceiptKeyInData(
  content: string,
  receiptKey: string | undefined,
  maxBytes: number,
): string {
  return receiptKey === undefined ? content : withFieldInData(content, `"${NAME}":"${receiptKey}"`, maxBytes)
}

/** Whoever makes `content` sees that its data has no such field (`describeDeviceField`): a gateway refuses one twice. */
export function withFieldInData(content: string, field: string, maxBytes: number): string {
  if (!content.startsWith(DATA)) return content
  if (Buffer.byteLength(content) + Buffer.byteLength(field) + 1 > maxBytes) return content
  return `${DATA.slice(0, -1)}${field},${content.slice(DATA.length - 1)}`
}
