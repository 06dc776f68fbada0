/** The life of an address in plain words. `kind` is `subscription` for Web Push, else `token`. */
export const texts = {
  registered: 'Registered',
  'registered.said':
    'The app registered {address, select, apns {an Apple token} fcm {a Google token} webpush {a browser subscription} hms {a Huawei token} other {an address}}{environment, select, none {} other { for {environment}}}.',
  active: 'Active',
  'active.said': 'In use since {day}.',
  refreshed: 'Refreshed',
  'refreshed.said':
    'The app registered the same {kind, select, subscription {subscription} other {token}} again: it is still in use.',
  confirmed: 'Confirmed',
  'confirmed.said':
    'The app registered this {kind, select, subscription {subscription} other {token}} again, which ends the suspicion.',
  restored: 'Restored',
  'restored.said':
    'The app {how, select, opened {was opened} other {registered}} again, so this device can be reached again{former, select, none {} other {; this {kind, select, subscription {subscription} other {token}} had been {former}}}.',
  superseded: 'Superseded',
  'superseded.said':
    'The device has a newer {kind, select, subscription {subscription} other {token}}, so this one is not used any more.',
  moved: 'Moved',
  'moved.said':
    'Another device registered this {kind, select, subscription {subscription} other {token}}, so it belongs to that device now.',
  suspect: 'Suspect',
  'suspect.then': 'One sign is not proof: it is still sent to, and the next answer decides.',
  quarantined: 'Quarantined',
  'quarantined.then': 'Nothing is sent to it until the app registers it again.',
  dead: 'Dead',
  'dead.since': 'It had not been valid since {day}.',
  unregistered: 'Unregistered',
  'unregistered.said': 'On {day} the device asked not to be sent to any more.',
  'speaker.apns': 'Apple',
  'speaker.fcm': 'Google',
  'speaker.webpush': 'The browser’s push service',
  'speaker.hms': 'Huawei',
  'speaker.other': 'The gateway',
  'say.gone':
    '{speaker} said on {day} that this {kind, select, subscription {subscription} other {token}} is gone.',
  'say.expired':
    '{speaker} said on {day} that this {kind, select, subscription {subscription} other {token}} has expired.',
  'say.invalid':
    '{speaker} said on {day} that this {kind, select, subscription {subscription} other {token}} is not valid.',
  'say.unknown':
    '{speaker} said on {day} that it does not know this {kind, select, subscription {subscription} other {token}}{environment, select, none {} other { in {environment}}}.',
  'say.otherApp':
    '{speaker} said on {day} that this {kind, select, subscription {subscription} other {token}} belongs to another app.',
  'say.otherProject':
    '{speaker} said on {day} that this {kind, select, subscription {subscription} other {token}} belongs to another Firebase project.',
  'say.otherKey':
    '{speaker} said on {day} that this {kind, select, subscription {subscription} other {token}} was made with another VAPID key.',
  'say.noAddress':
    '{speaker} said on {day} that this is not a {kind, select, subscription {subscription} other {token}} that it gave out.',
  'say.other': '{speaker} answered {reason} on {day}.',
  'own.not_heard_of':
    'Nothing was heard from this device for so long that its {kind, select, subscription {subscription} other {token}} was given up.',
  'own.inactive':
    'The app was not opened on this device for so long that its {kind, select, subscription {subscription} other {token}} was set aside. The next open brings it back.',
  'own.expired':
    'This {kind, select, subscription {subscription} other {token}} has passed the end that was set for it.',
  'own.mass_failure_guard':
    'So many were refused at once that the fault may be ours; this {kind, select, subscription {subscription} other {token}} is held, not ended.',
  'own.other': 'Recorded on {day}: {reason}.',
  noReason: 'No reason was recorded on {day}.',
  'unknown.said': 'Recorded as “{event}”{reason, select, none {} other {, with the reason “{reason}”}}.',
} as const
