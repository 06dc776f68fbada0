/** Names in 8 bytes, another one for each message: who was in its audience, and for whom a gateway took it. */
export const KEY_BYTES = 8

/** SQL: the hash of a name in a message; all arguments are SQL. The message's id has a fixed length. */
export function memberKey(messageId: string, name: string): string {
  return `substring(sha256(convert_to(${messageId}::text || ${name}, 'UTF8')) for ${KEY_BYTES})`
}
