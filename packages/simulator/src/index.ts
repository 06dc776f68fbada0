/**
 * Stand-ins for Apple, Google and the browsers' push services, and virtual phones.
 */
export type { ApnsCertificate, CreateCertificateOptions } from './apns/certificates.ts'
export type { StoragePolicy } from './apns/channels.ts'
export type { FuzzyDeath, IssueDeviceTokenOptions, KillDeviceTokenOptions } from './apns/device-tokens.ts'
export type { ChannelOptions } from './apns/gateway.ts'
export type { TokenKind } from './apns/push-types.ts'
export { APNS_REASONS, type ApnsReason } from './apns/refusals.ts'
export type { ApnsSettings, CertificateRefusal } from './apns/settings.ts'
export type { ApnsEnvironment, CreateTeamKeyOptions, TeamKey } from './apns/team-keys.ts'
export type { ApnsFault } from './apns/world.ts'
export type { ChromeReceipt, ChromeSubscription, ChromeUrls } from './chrome/service.ts'
export { InputError } from './control/fields.ts'
export type { Operation, World } from './control/operation.ts'
export { OPERATIONS } from './control/operations.ts'
export { type Habits, People, type PeopleOptions, type Platforms, type Population } from './control/people.ts'
export { type Control, type ControlOptions, startControl } from './control/server.ts'
export type { FcmFault, GoogleTokenFault } from './fcm/gateway.ts'
export type { ServiceAccount } from './fcm/oauth.ts'
export type { FcmForm } from './fcm/refusals.ts'
export type { FcmTopicFault } from './fcm/topic-management.ts'
export type { TopicError } from './fcm/topics.ts'
export type { AcceptedPush, PushFilter, PushListener } from './gateway/air.ts'
export type { HeldPush, StorageRule } from './gateway/mailbox.ts'
export type { GatewayCounts, GatewayName, HashCounts, ToldEnd } from './gateway/tally.ts'
export type { HmsApp, HmsRight } from './hms/apps.ts'
export type { HmsCode } from './hms/codes.ts'
export type { HmsFault, HmsTokenFault } from './hms/gateway.ts'
export type { Book, BookDay, Counted, EndCause, TokenEnd } from './life/book.ts'
export { type Happening, RATES, type Rates } from './life/habits.ts'
export { Life, type LifeOptions } from './life/life.ts'
export {
  Crowd,
  type CrowdCounts,
  type CrowdOptions,
  type CrowdResult,
  type CrowdShare,
  createCrowd,
  type PhoneChoice,
} from './phones/crowd.ts'
export { DeviceApi, DeviceApiError, type RoostAccess } from './phones/device-api.ts'
export {
  createPhone,
  type Phone,
  type PhoneOptions,
  type ShownNotification,
} from './phones/phone.ts'
export type { PhonePlatform } from './phones/platform.ts'
export { type ReceiptCounts, type ReceiptOptions, ReceiptPost } from './phones/receipts.ts'
export { type Random, seededRandom } from './randomness.ts'
export { type DoneAction, type PlayOptions, playScenario, type ScenarioReport } from './scenario/play.ts'
export { readScenario, type Scenario } from './scenario/scenario.ts'
export {
  type Simulator,
  type SimulatorOptions,
  type SimulatorPorts,
  type SimulatorUrls,
  startSimulator,
} from './simulator.ts'
export type { BrowserAck, BrowserSubscription } from './web-push/browsers.ts'
export type { WebPushAnswer, WebPushSubscription } from './web-push/gateway.ts'
export type { PushService, WebPushFault } from './web-push/refusals.ts'
export type { EarlyRenewal } from './web-push/token-renewals.ts'
