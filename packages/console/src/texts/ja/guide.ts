import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'guide'> = {
  title: 'セットアップガイド',
  about: '最初からプッシュが開かれるまで。デバイスが届くと手順は自動的に完了します。',
  platform: 'プラットフォーム',
  steps: '手順',
  progress: '{whole, number} 件中 {done, number} 件完了',
  'done.credential.web': '鍵の組はアプリごとに最初からあります。ここですることはありません。',
  fresh:
    '利用者のいるプラットフォームから始めてください。Web が一番早く試せます。Apple、Google、Huawei のアカウントは要りません。',
  ask: 'これはアプリを変更できる人が行います。',
  'platform.progress': '{platform} {done, number}/{whole, number}',
  'done.since': '完了 {day}',
  'state.done': '完了',
  'state.open': '未完了',
  'state.trouble': '問題あり',
  'step.credential': '認証情報を登録',
  'step.credential.about': 'Roost はあなたの名前で送るため、鍵が必要です。',
  'step.credential.ios': 'developer.apple.com → Keys で .p8 キーを取得し、認証情報ページにドロップします。',
  'step.credential.android':
    'サービスアカウントを取得：Firebase コンソール → プロジェクトの設定 → サービス アカウント。',
  'step.credential.web': 'VAPID 鍵ペアはワンクリックで作れます（アプリ作成時にも用意されます）。',
  'step.credential.huawei':
    'アプリ ID・クライアント ID・シークレットをコピー：AppGallery Connect → プロジェクト設定。',
  'step.device': '最初のデバイスを登録',
  'step.device.about': 'コードをアプリに入れて実行し、通知を許可します。数秒でここに現れます。',
  'step.accepted': '最初のプッシュを送る',
  'step.accepted.about': '自分のデバイスにメッセージを送ります。ゲートウェイが受け付けると完了します。',
  'step.received': 'デバイスが受信を報告',
  'step.received.about':
    'アプリがプッシュの hash で受信を報告します（messageDeliveryEvent）。Web SDK は自動です。',
  'step.received.ios': 'iOS は通知サービス拡張から hash（p）付きの messageDeliveryEvent を送ります。',
  'step.opened': 'プッシュが開かれる',
  'step.opened.about': 'プッシュをタップし、アプリが pushStat と hash で報告します。',
  'step.extension': '通知サービス拡張を追加',
  'step.extension.about':
    '画像の表示と受信の報告に必要です。バージョン（extensionVersion）を報告させてください。',
  'step.test_device': 'テストデバイスを用意',
  'step.test_device.about': 'スマホでコードを読み取るとテストデバイスになり、配信前に試せます。',
  'go.credentials': '認証情報を開く',
  'go.message': 'メッセージを書く',
  'go.testDevices': 'コードを読み取る',
  snippet: 'アプリのコード（{language}）',
  'snippet.token':
    '<code>DEVICE_TOKEN</code> をデバイストークンに置き換えます。アプリ作成時に表示され、API トークンで新しく作れます。',
}
