/** Limits of the public API, each with its unit in its name. */

/** What one device call may carry; a registration with a full set of tags needs under 8 KiB. */
export const DEVICE_BODY_BYTES = 64 * 1024
export const REST_BODY_BYTES = 1024 * 1024
export const HWID_CHARACTERS = 256
export const USER_ID_CHARACTERS = 256
export const TAG_NAME_CHARACTERS = 128
export const TAGS_PER_CALL = 200
/** What a device may have in all. Its row is read by every campaign, and the device token is public. */
export const TAGS_PER_DEVICE = 256
/** In the form in which PostgreSQL writes them out. */
export const TAGS_BYTES_PER_DEVICE = 32 * 1024
export const TAG_STRING_CHARACTERS = 1024
/** Devices or users named one by one in a message. */
export const NAMED_TARGETS = 10_000
/** APNs keeps a message 30 days at most, FCM 28; the smallest is what we promise. */
export const TTL_SECONDS_MAX = 28 * 24 * 3600
export const TTL_SECONDS_DEFAULT = 3 * 24 * 3600
export const COLLAPSE_KEY_BYTES = 64
/** Conditions nest; deeper ones than this are mistakes or attacks. */
export const CONDITION_DEPTH = 12
/** A hundred years: older days are mistakes. */
export const DAYS_AGO_MAX = 36_500
/** How many days back "so often in so many days" is known of events. */
export const EVENT_DAYS = 90
/** Tags that an app gives a type; the server's own are not counted. */
export const TAG_DEFINITIONS_PER_APP = 1000
export const EVENT_NAME_CHARACTERS = 255
/** Kinds of events that are remembered of a device; further ones are not. */
export const EVENTS_PER_DEVICE = 100
/** Of the last event of a kind. */
export const EVENT_ATTRIBUTES_BYTES = 4 * 1024
/** An app has a handful at once; more come from a device that never says when one ended. */
export const ACTIVITIES_PER_DEVICE = 20
export const TEST_DEVICES_PER_APP = 1000
export const CHANNELS_PER_DEVICE = 100
/** How long an inbox keeps a message whose sender names no date, and the latest date that may be named. */
export const INBOX_DAYS_DEFAULT = 30
export const INBOX_DAYS_MAX = 366
/** Campaigns that one inbox shows; older ones make room. */
export const INBOX_CAMPAIGNS_MAX = 200

/** Days that are asked for. PostgreSQL knows no year 0, and JavaScript's dates read one of two digits as of this century. */
export const DAY_MIN = '1970-01-01'
export const DAY_MAX = '2999-12-31'

/** The largest number that a badge shows. */
export const BADGE_MAX = 99_999
