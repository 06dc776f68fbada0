/**
 * Whom a push is for (R25), put into a payload that is the same for all who get the same: a device on which somebody else is logged in
 * by now, without our having heard of it, drops it.
 */
import { withField, withFieldInData } from './receipt-key.ts'

const NAME = 'ru'

/** `body` is a JSON object with a field at least. As it is where the id would take it over `maxBytes`. */
export function withUserId(body: Buffer, userId: string | undefined, maxBytes: number): Buffer {
  return userId === undefined ? body : withField(body, fieldOf(userId), maxBytes)
}

/** `content` as JSON, whose data comes first. */
export function withUserIdInData(content: string, userId: string | undefined, maxBytes: number): string {
  return userId === undefined ? content : withFieldInData(content, fieldOf(userId), maxBytes)
}

function fieldOf(userId: string): string {
  return `"${NAME}":${JSON.stringify(userId)}`
}
