export type {
  ApnsCertificateCredential,
  ApnsCredential,
  ApnsTokenCredential,
  ProviderTokens,
} from './apns/auth.ts'
export { createProviderTokens } from './apns/auth.ts'
export type { ChannelFault } from './apns/channel-outcome.ts'
export type {
  ApnsBroadcast,
  ApnsChannel,
  ApnsChannels,
  ApnsChannelsOptions,
  ChannelResult,
  ChannelStorage,
} from './apns/channels.ts'
export { createApnsChannels } from './apns/channels.ts'
export type { ApnsAddress, ApnsClientOptions } from './apns/client.ts'
export { createApnsClient } from './apns/client.ts'
export type { ApnsOptions, ApnsPriority, ApnsPushType } from './apns/options.ts'
export { APNS_PUSH_TYPES } from './apns/options.ts'
export type { ApnsEnvironment } from './apns/settings.ts'
export { APNS_ORIGINS } from './apns/settings.ts'
export type { Clock } from './clock.ts'
export { systemClock } from './clock.ts'
export type { ApnsCertificate, ApnsTopic, CredentialProblem, Parsed, ServiceAccount } from './credentials.ts'
export { parseP8, parseP12, parsePemCertificate, parseServiceAccount } from './credentials.ts'
export type { FcmClientOptions } from './fcm/client.ts'
export { createFcmClient } from './fcm/client.ts'
export type { FcmOptions } from './fcm/options.ts'
export { FCM_ORIGIN, GOOGLE_TOKEN_URL } from './fcm/settings.ts'
export type { FcmAddress } from './fcm/target.ts'
export type { HmsAddress, HmsClientOptions } from './hms/client.ts'
export { createHmsClient } from './hms/client.ts'
export type { HmsCredential } from './hms/credential.ts'
export { parseHmsCredential } from './hms/credential.ts'
export type { HmsOptions } from './hms/options.ts'
export { HMS_ORIGIN, HMS_TOKEN_URL } from './hms/settings.ts'
export type { Http2TransportOptions } from './http2-transport.ts'
export { createHttp2Transport } from './http2-transport.ts'
export type { Gateway, Meaning } from './meaning.ts'
export { GATEWAYS, meaningOf } from './meaning.ts'
export { type Attempt, BLANK, type Button, type GatewayClient, type Notification } from './notification.ts'
export type { AttemptOutcome } from './outcome.ts'
export { findNotificationFault, type GatewayName, payloadBytesOf } from './payload-check.ts'
export type { Exchange, TracedRequest, TracedResponse } from './tracing-transport.ts'
export { createTracingTransport, hideAddress } from './tracing-transport.ts'
export type {
  ClientCertificate,
  FixedHeaders,
  Transport,
  TransportFailure,
  TransportRequest,
  TransportResult,
  Wish,
} from './transport.ts'
export type { WebTransportOptions } from './web-transport.ts'
export { createWebTransport } from './web-transport.ts'
export type { WebPushClientOptions } from './webpush/client.ts'
export { createWebPushClient } from './webpush/client.ts'
export type { Encryptors, EncryptorsOptions } from './webpush/encryptors.ts'
export { createEncryptors } from './webpush/encryptors.ts'
export type { EndpointCheck, EndpointRules } from './webpush/endpoint.ts'
export { checkEndpoint, checkEndpointUrl, createGuardedLookup, isPublicAddress } from './webpush/endpoint.ts'
export type { WebPushOptions } from './webpush/options.ts'
export type { WebPushAddress } from './webpush/subscription.ts'
export { parseSubscription } from './webpush/subscription.ts'
export type { VapidCredential, VapidKeys } from './webpush/vapid.ts'
export { generateVapidKeys, parseVapidKeys } from './webpush/vapid.ts'
