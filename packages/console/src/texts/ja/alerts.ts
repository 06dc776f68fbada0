import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'alerts'> = {
  since: '<ago></ago>から',
  deaths_held: '一度に {held, plural, other {# 件のアドレス}}が無効とされ、保留されています',
  'deaths_held.todo':
    '認証情報が正しいこと、ゲートウェイが正常なことを確かめ、これらのアドレスを終了するか残すかを決めてください。',
  wrong_credential: '別のアプリまたはプロジェクトのアドレスがあります',
  'wrong_credential.todo': '正しいアプリの認証情報を設定し、どのビルドのアドレスか調べてください。',
  address_flapping: '複数のデバイスが同じアドレスを取り合っています',
  'address_flapping.todo':
    'インストールごとにハードウェア ID を新しく作り、バックアップから復元しないでください。',
  webhook_disabled: '数日間受け取らなかったため Webhook を停止しました',
  'webhook_disabled.todo': '受信側を直し、再び有効にして、届かなかったものを送り直してください。',
  death_rate: 'いつもより多くのアドレスが無効になっています',
  'death_rate.todo':
    '除去を日付と理由で確認してください。新しいビルドやプロジェクトが原因かもしれません。誤りは元に戻せます。',
  mass_inactive: '1 日に非常に多くのデバイスが非アクティブになりました',
  'mass_inactive.todo':
    'アプリが起動を報告しているか、期限が意図どおりかを確認してください。除去は元に戻せます。',
  quota: 'Firebase プロジェクトの割り当てを待っているメッセージがあります',
  'quota.todo': 'Google に割り当ての引き上げを依頼するか、一斉送信を 1 日の中で分散してください。',
  queue_age: '予定時刻を過ぎたメッセージが送信されていません',
  'queue_age.todo':
    'ロール「send」のサーバーが動き、データベースに接続できることを確認してください。問題なければサーバーを追加してください。',
  credential_expiring: '証明書の期限が近いか、切れています',
  'credential_expiring.todo':
    '同じ場所で置き換えてください。アプリの再リリースは不要です。.p8 キーに期限はありません。',
  credential_refused: 'ゲートウェイが認証情報を拒否しています',
  'credential_refused.todo': '同じ場所で置き換えてください。待っているものは自動で送信されます。',
  message_incident: 'メッセージの大部分が一つの理由で届きませんでした',
  'message_incident.todo': 'レポートに理由と対処法があります。対処後、届かなかった相手に送り直してください。',
}
