/**
 * The part of the SDK that knows no platform: a bridge for another one brings a `Store`, a `Transport` and a
 * `Lock`, and gets the calls, the outbox and the decisions.
 */
export {
  answerCall,
  type Call,
  type CallAnswer,
  type CallState,
  callIn,
  callTag,
  createRinging,
  leftToRing,
  noteCall,
  type Ringing,
  type RingingOptions,
} from './calls.ts'
export {
  type Client,
  type ClientOptions,
  createClient,
  type DeviceFacts,
  type Lock,
  type Transport,
  type TransportAnswer,
  type TransportRequest,
  VERSION,
} from './client.ts'
export { decideStep, REFRESH_AFTER_MS, type SeenSubscription, type Situation, type Step } from './decide.ts'
export { RoostError, type RoostErrorCode, type RoostErrorOptions } from './error.ts'
export {
  type Inbox,
  type InboxEntry,
  type InboxPage,
  type InboxState,
  markInbox,
  readInbox,
} from './inbox.ts'
export { createLive } from './live.ts'
export type { AppState, Live, LiveOptions, LiveStatus, OtherFrame } from './live-options.ts'
export { decodePayload, type PushPayload, payloadOfFrame, safeLink } from './payload.ts'
export { type ReceiptKind, type Received, sendReceipt } from './receipts.ts'
export {
  isForeign,
  isForeignByNow,
  knowsUser,
  once,
  type Presentation,
  presentationOf,
  type ReceivingOptions,
} from './received.ts'
export {
  type Finding,
  judge,
  SELF_CHECK_CODES,
  SERVER_CODES,
  type Seen,
  type SelfCheck,
  type SelfCheckCode,
  type Verdict,
  worstOf,
} from './self-check.ts'
export { type OpenSocket, openWebSocket, type Socket, type SocketEvents } from './socket.ts'
export {
  adoptSettings,
  type DeviceState,
  type KeptCall,
  type Registered,
  type Settings,
  type Store,
} from './state.ts'
