/** Shapes, limits and error codes of Roost's public API. No I/O. */
export * from './compat.ts'
export * from './condition.ts'
export * from './credential.ts'
export * from './device.ts'
export * from './errors.ts'
export * from './limits.ts'
export * from './message.ts'
export * from './webhook.ts'
