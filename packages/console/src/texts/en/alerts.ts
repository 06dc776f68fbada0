/** Alerts: what is wrong, and what to do about it. */
export const texts = {
  since: 'since <ago></ago>',
  deaths_held:
    '{held, plural, one {# address was} other {# addresses were}} called dead at once and held back',
  'deaths_held.todo':
    'Check that the credential is the right one and that its gateway is well. Then end these addresses, or keep them.',
  wrong_credential: 'Addresses belong to another app or project',
  'wrong_credential.todo':
    'Put the credential of the right app into its slot, and find out which build these addresses come from.',
  address_flapping: 'Devices take an address from each other',
  'address_flapping.todo':
    'Let each installation make a hardware id of its own, and never restore it from a backup.',
  webhook_disabled: 'A webhook was switched off because it took nothing for days',
  'webhook_disabled.todo': 'Mend its receiver, switch it on again and send what it missed once more.',
  death_rate: 'Many more addresses die than usual',
  'death_rate.todo':
    'Look at the removals by day and reason. A new build or project may explain it; what was a mistake can be taken back.',
  mass_inactive: 'Very many devices became inactive in one day',
  'mass_inactive.todo':
    'See whether the app still reports that it is opened, and whether the limit is what you meant. The removals can be taken back.',
  quota: 'Messages wait for the quota of the Firebase project',
  'quota.todo': 'Ask Google for a higher quota, or spread campaigns over the day.',
  queue_age: 'Messages are due and are not sent',
  'queue_age.todo':
    'See that a server with the role “send” runs and reaches the database. If it does, add another one.',
  credential_expiring: 'A certificate ends soon or has ended',
  'credential_expiring.todo':
    'Replace it in its slot; no app has to be released for it. A .p8 key never ends.',
  credential_refused: 'A gateway refuses a credential',
  'credential_refused.todo': 'Replace it in its slot; what waits for it is sent by itself.',
  message_incident: 'A large part of a message came to nothing for one reason',
  'message_incident.todo':
    'Its report names the reason and what mends it. Then send again to those whom it did not reach.',
} as const
