/** The start, and making an app. */
export const texts = {
  'none.title': 'No apps yet',
  'none.body':
    'An app in Roost is one mobile or web application. Its devices register with its code and device token.',
  'none.cannot': 'Nobody has made one yet, or none is shared with you. Ask the owner of this installation.',
  'make.title': 'New app',
  'make.name': 'Name',
  'make.nameHint': 'As people know it',
  'make.missing': 'Give it a name',
  'make.submit': 'Make the app',
  'make.failed': 'The app was not made',
  'made.title': '{name} is there',
  'made.about': 'Your mobile or web app needs these two. The device token is shown only now.',
  'made.code': 'App code',
  'made.token': 'Device token',
  'made.open': 'Open the app',
  'list.zone': 'Time zone',
  'list.made': 'Made',
  'next.title': 'What comes next',
  'next.credential': 'Add the credential of Apple, Google or browsers, so that Roost may send in your name.',
  'next.app':
    'Put the app code and the device token into your app. Its first device appears on the dashboard by itself.',
  'next.message': 'Write a first message and send it to a test device.',
  'next.credential.do': 'Add a credential',
  'list.archived': 'archived',
  'make.cannot': 'Your role does not make apps',
  'make.ask':
    'Editors and owners of the whole installation make them. Ask one of them, or go back to your apps.',
} as const
