/** What is wrong with a credential, by the codes of the server, and what mends it. */
export const texts = {
  apns_bundle_id_wrong:
    'The devices of this app have another bundle id than this credential. Apple takes the credential itself, so its checks are good; the devices stay, and messages wait.',
  'apns_bundle_id_wrong.remedy':
    'Replace the credential with the bundle id that the app has in Xcode (a .p8 key may be the same file), or with the certificate of that app.',
  apns_environment_wrong:
    'Apple knows none of the devices in the environment of this credential. The credential itself is good, so its checks are; the devices stay, and messages wait.',
  'apns_environment_wrong.remedy':
    'Upload a credential for the other environment: builds that Xcode installs are sandbox, TestFlight and App Store are production. Or register the devices with the environment that they are of.',
  fcm_project_wrong:
    'The devices of this app are of another Firebase project than this service account. Google takes the account itself, so its check is good; the devices stay, and messages wait.',
  'fcm_project_wrong.remedy':
    'Replace it with a service account of the project that google-services.json of the app names (project_id).',
  vapid_key_wrong:
    'The browsers have subscribed with another VAPID key than this one; only that one reaches them. The subscriptions stay, and messages wait.',
  'vapid_key_wrong.remedy':
    'Upload the pair with whose public key the site subscribes (applicationServerKey).',
  content_unreadable: 'What is stored of this credential can’t be used any more.',
  'content_unreadable.remedy': 'Upload it again.',
  certificate_expired: 'The certificate has expired; Apple takes no push with it. Messages wait.',
  apns_key_refused:
    'Apple refuses the key: it was revoked, or key id and team id do not belong to it, or the app is of another team.',
  apns_key_of_other_environment: 'The key was created for the other environment only.',
  'apns_key_of_other_environment.remedy':
    'Create a key for this environment on developer.apple.com and upload it beside this one.',
  apns_topic_refused: 'Apple does not let this credential push to this bundle id.',
  'apns_topic_refused.remedy':
    'Compare the bundle id with the app in Xcode; a key for certain topics, or the certificate of another app, serves only those.',
  apns_certificate_of_other_environment: 'The certificate does not serve this environment.',
  'apns_certificate_of_other_environment.remedy':
    'Create a certificate for “Sandbox & Production” on developer.apple.com and upload it.',
  apns_certificate_refused: 'Apple refuses the certificate: it was revoked, or is not for push.',
  clock_wrong:
    'Apple takes a token that was just signed for one that has expired: the clock of this server is wrong.',
  'clock_wrong.remedy': 'Set the clock of the server (NTP); the credential itself may be good.',
  apns_forbidden: 'Apple does not allow this key to push.',
  fcm_api_disabled: 'The Firebase Cloud Messaging API (V1) is switched off in this project.',
  'fcm_api_disabled.remedy': 'Switch it on: Firebase console → Project settings → Cloud Messaging.',
  fcm_permission_missing: 'The service account may not send messages in this project.',
  'fcm_permission_missing.remedy':
    'Give it the role “Firebase Cloud Messaging API Admin” in Google Cloud console → IAM.',
  fcm_key_refused:
    'Google refuses the key: it or its service account was deleted, or the clock of this server is minutes off.',
  'fcm_key_refused.remedy':
    'Generate a new private key in Firebase console → Project settings → Service accounts and replace this one; check the server’s clock.',
  fcm_project_unknown: 'Google does not know the project that the file names.',
  'fcm_project_unknown.remedy':
    'Upload the service account of the Firebase project that the app is built with.',
  fcm_third_party_refused:
    'The APNs key or web push key that Firebase holds is refused; Android is not concerned.',
  'fcm_third_party_refused.remedy': 'Replace it in Firebase console → Project settings → Cloud Messaging.',
  hms_permission_missing:
    'Huawei does not let this app send: Push Kit is off, or the app id is of another project.',
  'hms_permission_missing.remedy':
    'Enable Push Kit in AppGallery Connect → My projects → Push Kit, and compare the app id.',
  hms_client_refused: 'Huawei refuses the client id and secret.',
  'hms_client_refused.remedy':
    'Copy both again from AppGallery Connect → Project settings → App information → OAuth 2.0 client ID, and replace the credential.',
  refused: 'The gateway refuses this credential.',
  'refused.remedy': 'Upload it again as the vendor gave it; messages wait meanwhile.',
  certificate_expiring:
    'The certificate expires {days, plural, =1 {within a day} one {in # day} other {in # days}}: {moment}.',
  credential_paused: 'Nothing is sent with this credential.',
  'credential_paused.remedy': 'Replace its content under Credentials.',
  // several are mended alike
  'renew.remedy':
    'Create a new “Apple Push Notification service SSL” certificate on developer.apple.com and replace this one with it, or move to a .p8 key, which does not expire. Apps need no new release.',
  'compare.remedy':
    'Compare key id, team id and bundle id with developer.apple.com (Keys; Membership; Identifiers), see that the key was not revoked, and replace the credential.',
  'environment.production': 'production',
  'environment.sandbox': 'sandbox',
} as const
