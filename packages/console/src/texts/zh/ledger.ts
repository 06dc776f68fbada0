import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'ledger'> = {
  registered: '已注册',
  'registered.said':
    '应用注册了{address, select, apns {一个 Apple 令牌} fcm {一个 Google 令牌} webpush {一个浏览器订阅} hms {一个华为令牌} other {一个地址}}{environment, select, none {} other {（{environment}）}}。',
  active: '有效',
  'active.said': '自 {day} 起使用中。',
  refreshed: '已刷新',
  'refreshed.said': '应用再次注册了同一{kind, select, subscription {订阅} other {令牌}}：它仍在使用。',
  confirmed: '已确认',
  'confirmed.said': '应用再次注册了此{kind, select, subscription {订阅} other {令牌}}，疑虑解除。',
  restored: '已恢复',
  'restored.said':
    '应用再次{how, select, opened {被打开} other {注册}}，因此可以再次触达此设备{former, select, none {} other {；此{kind, select, subscription {订阅} other {令牌}}之前的状态为 {former}}}。',
  superseded: '被取代',
  'superseded.said': '设备有了更新的{kind, select, subscription {订阅} other {令牌}}，因此不再使用这个。',
  moved: '已转移',
  'moved.said':
    '另一台设备注册了此{kind, select, subscription {订阅} other {令牌}}，因此它现在属于那台设备。',
  suspect: '可疑',
  'suspect.then': '一个迹象不是证明：仍会发送，由下一次回答决定。',
  quarantined: '隔离',
  'quarantined.then': '在应用重新注册之前不会向其发送。',
  dead: '失效',
  'dead.since': '自 {day} 起它就已无效。',
  unregistered: '已注销',
  'unregistered.said': '{day}，设备要求不再向其发送。',
  'speaker.apns': 'Apple',
  'speaker.fcm': 'Google',
  'speaker.webpush': '浏览器的推送服务',
  'speaker.hms': '华为',
  'speaker.other': '网关',
  'say.gone': '{speaker} 于 {day} 表示此{kind, select, subscription {订阅} other {令牌}}已不存在。',
  'say.expired': '{speaker} 于 {day} 表示此{kind, select, subscription {订阅} other {令牌}}已过期。',
  'say.invalid': '{speaker} 于 {day} 表示此{kind, select, subscription {订阅} other {令牌}}无效。',
  'say.unknown':
    '{speaker} 于 {day} 表示它不认识此{kind, select, subscription {订阅} other {令牌}}{environment, select, none {} other {（{environment}）}}。',
  'say.otherApp': '{speaker} 于 {day} 表示此{kind, select, subscription {订阅} other {令牌}}属于另一个应用。',
  'say.otherProject':
    '{speaker} 于 {day} 表示此{kind, select, subscription {订阅} other {令牌}}属于另一个 Firebase 项目。',
  'say.otherKey':
    '{speaker} 于 {day} 表示此{kind, select, subscription {订阅} other {令牌}}是用另一个 VAPID 密钥创建的。',
  'say.noAddress': '{speaker} 于 {day} 表示这不是它发放的{kind, select, subscription {订阅} other {令牌}}。',
  'say.other': '{speaker} 于 {day} 回答 {reason}。',
  'own.not_heard_of': '很久没有此设备的消息，其{kind, select, subscription {订阅} other {令牌}}已被放弃。',
  'own.inactive':
    '很久没有在此设备上打开应用，其{kind, select, subscription {订阅} other {令牌}}被搁置。下次打开会恢复。',
  'own.expired': '此{kind, select, subscription {订阅} other {令牌}}已过设定的期限。',
  'own.mass_failure_guard':
    '一次有太多被拒绝，问题可能在我们这边；此{kind, select, subscription {订阅} other {令牌}}被保留，未终止。',
  'own.other': '记录于 {day}：{reason}。',
  noReason: '{day} 没有记录原因。',
  'unknown.said': '记录为“{event}”{reason, select, none {} other {，原因为“{reason}”}}。',
}
