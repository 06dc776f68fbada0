import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'ledger'> = {
  registered: '登録',
  'registered.said':
    'アプリが{address, select, apns {Apple のトークン} fcm {Google のトークン} webpush {ブラウザーのサブスクリプション} hms {Huawei のトークン} other {アドレス}}を登録しました{environment, select, none {} other {（{environment}）}}。',
  active: '有効',
  'active.said': '{day} から使用中です。',
  refreshed: '更新',
  'refreshed.said':
    'アプリが同じ{kind, select, subscription {サブスクリプション} other {トークン}}を再登録しました。引き続き使用中です。',
  confirmed: '確認済み',
  'confirmed.said':
    'アプリがこの{kind, select, subscription {サブスクリプション} other {トークン}}を再登録し、疑いが晴れました。',
  restored: '復帰',
  'restored.said':
    'アプリが再び{how, select, opened {開かれ} other {登録され}}、このデバイスに再び届くようになりました{former, select, none {} other {。この{kind, select, subscription {サブスクリプション} other {トークン}}の以前の状態は {former} でした}}。',
  superseded: '置き換え済み',
  'superseded.said':
    'デバイスに新しい{kind, select, subscription {サブスクリプション} other {トークン}}があるため、これは使われません。',
  moved: '移動',
  'moved.said':
    '別のデバイスがこの{kind, select, subscription {サブスクリプション} other {トークン}}を登録したため、そのデバイスのものになりました。',
  suspect: '要注意',
  'suspect.then': '一つの兆候は証拠ではありません。送信は続き、次の応答で決まります。',
  quarantined: '隔離',
  'quarantined.then': 'アプリが再登録するまで送信されません。',
  dead: '無効',
  'dead.since': '{day} から無効でした。',
  unregistered: '登録解除',
  'unregistered.said': '{day} にデバイスが今後の送信を望まないと伝えました。',
  'speaker.apns': 'Apple',
  'speaker.fcm': 'Google',
  'speaker.webpush': 'ブラウザーのプッシュサービス',
  'speaker.hms': 'Huawei',
  'speaker.other': 'ゲートウェイ',
  'say.gone':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}は消滅したと伝えました。',
  'say.expired':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}は期限切れだと伝えました。',
  'say.invalid':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}は無効だと伝えました。',
  'say.unknown':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}を知らないと伝えました{environment, select, none {} other {（{environment}）}}。',
  'say.otherApp':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}は別のアプリのものだと伝えました。',
  'say.otherProject':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}は別の Firebase プロジェクトのものだと伝えました。',
  'say.otherKey':
    '{speaker} が {day} に、この{kind, select, subscription {サブスクリプション} other {トークン}}は別の VAPID キーで作られたと伝えました。',
  'say.noAddress':
    '{speaker} が {day} に、これは発行した{kind, select, subscription {サブスクリプション} other {トークン}}ではないと伝えました。',
  'say.other': '{speaker} が {day} に {reason} と応答しました。',
  'own.not_heard_of':
    'このデバイスから長い間連絡がないため、その{kind, select, subscription {サブスクリプション} other {トークン}}は放棄されました。',
  'own.inactive':
    'このデバイスでアプリが長い間開かれていないため、その{kind, select, subscription {サブスクリプション} other {トークン}}は保留されました。次に開くと戻ります。',
  'own.expired':
    'この{kind, select, subscription {サブスクリプション} other {トークン}}は設定された期限を過ぎました。',
  'own.mass_failure_guard':
    '一度に多数が拒否されたため、こちらの障害かもしれません。この{kind, select, subscription {サブスクリプション} other {トークン}}は終了せず保留されています。',
  'own.other': '{day} の記録：{reason}。',
  noReason: '{day} に理由は記録されていません。',
  'unknown.said': '「{event}」として記録{reason, select, none {} other {、理由は「{reason}」}}。',
}
