import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'credentialHealth'> = {
  apns_bundle_id_wrong:
    'このアプリのデバイスは、この認証情報とは別のバンドル ID を持っています。Apple は認証情報そのものは受け付けるため、確認は良好です。デバイスは残り、メッセージは待機します。',
  'apns_bundle_id_wrong.remedy':
    'Xcode のアプリと同じバンドル ID の認証情報（.p8 キーは同じファイルでもかまいません）か、そのアプリの証明書に置き換えてください。',
  apns_environment_wrong:
    'この認証情報の環境では、Apple はどのデバイスも知りません。認証情報そのものに問題はないため、確認は良好です。デバイスは残り、メッセージは待機します。',
  'apns_environment_wrong.remedy':
    'もう一方の環境の認証情報をアップロードしてください。Xcode からインストールしたものはサンドボックス、TestFlight と App Store は本番です。または、デバイスを正しい環境で登録してください。',
  fcm_project_wrong:
    'このアプリのデバイスは、このサービスアカウントとは別の Firebase プロジェクトのものです。Google はアカウントそのものは受け付けるため、確認は良好です。デバイスは残り、メッセージは待機します。',
  'fcm_project_wrong.remedy':
    'アプリの google-services.json に書かれたプロジェクト（project_id）のサービスアカウントに置き換えてください。',
  vapid_key_wrong:
    'ブラウザーは別の VAPID キーで購読しており、そのキーでしか届きません。購読は残り、メッセージは待機します。',
  'vapid_key_wrong.remedy':
    'サイトが購読に使っている公開鍵（applicationServerKey）の鍵ペアをアップロードしてください。',
  content_unreadable: 'この認証情報の保存内容は、もう使えません。',
  'content_unreadable.remedy': 'もう一度アップロードしてください。',
  certificate_expired:
    '証明書の有効期限が切れました。Apple はこれによるプッシュを受け付けません。メッセージは待機します。',
  apns_key_refused:
    'Apple がキーを拒否しています。キーが取り消されたか、キー ID やチーム ID が合わないか、アプリが別のチームのものです。',
  apns_key_of_other_environment: 'このキーはもう一方の環境専用に作られました。',
  'apns_key_of_other_environment.remedy':
    'developer.apple.com でこの環境のキーを作り、追加でアップロードしてください。',
  apns_topic_refused: 'Apple は、この認証情報からこのバンドル ID へのプッシュを許可していません。',
  'apns_topic_refused.remedy':
    'Xcode のアプリのバンドル ID と照合してください。トピックを限ったキーや別のアプリの証明書は、その対象にしか使えません。',
  apns_certificate_of_other_environment: 'この証明書はこの環境では使えません。',
  'apns_certificate_of_other_environment.remedy':
    'developer.apple.com で「Sandbox & Production」の証明書を作り、アップロードしてください。',
  apns_certificate_refused: 'Apple が証明書を拒否しています。取り消されたか、プッシュ用ではありません。',
  clock_wrong:
    'Apple は、署名したばかりのトークンを期限切れとみなしています。このサーバーの時計が合っていません。',
  'clock_wrong.remedy':
    'サーバーの時計を合わせてください（NTP）。認証情報そのものには問題がないかもしれません。',
  apns_forbidden: 'Apple は、このキーによるプッシュを許可していません。',
  fcm_api_disabled: 'このプロジェクトでは Firebase Cloud Messaging API (V1) が無効です。',
  'fcm_api_disabled.remedy':
    '有効にしてください: Firebase コンソール → プロジェクトの設定 → Cloud Messaging。',
  fcm_permission_missing:
    'このサービスアカウントには、このプロジェクトでメッセージを送信する権限がありません。',
  'fcm_permission_missing.remedy':
    'Google Cloud コンソール → IAM で「Firebase Cloud Messaging API Admin」のロールを付与してください。',
  fcm_key_refused:
    'Google がキーを拒否しています。キーかサービスアカウントが削除されたか、このサーバーの時計が数分ずれています。',
  'fcm_key_refused.remedy':
    'Firebase コンソール → プロジェクトの設定 → サービス アカウントで新しい秘密鍵を生成して置き換え、サーバーの時計も確認してください。',
  fcm_project_unknown: 'Google は、ファイルに書かれたプロジェクトを知りません。',
  'fcm_project_unknown.remedy':
    'アプリのビルドに使った Firebase プロジェクトのサービスアカウントをアップロードしてください。',
  fcm_third_party_refused:
    'Firebase が持つ APNs キーまたはウェブプッシュの鍵が拒否されています。Android には影響しません。',
  'fcm_third_party_refused.remedy':
    'Firebase コンソール → プロジェクトの設定 → Cloud Messaging で置き換えてください。',
  hms_permission_missing:
    'Huawei はこのアプリの送信を許可していません。Push Kit が無効か、アプリ ID が別のプロジェクトのものです。',
  'hms_permission_missing.remedy':
    'AppGallery Connect → マイプロジェクト → Push Kit で有効にし、アプリ ID を照合してください。',
  hms_client_refused: 'Huawei がクライアント ID とシークレットを拒否しています。',
  'hms_client_refused.remedy':
    'AppGallery Connect → プロジェクトの設定 → アプリ情報 → OAuth 2.0 クライアント ID から両方をもう一度コピーし、認証情報を置き換えてください。',
  refused: 'ゲートウェイがこの認証情報を拒否しています。',
  'refused.remedy':
    '提供元から渡されたままのものを、もう一度アップロードしてください。それまでメッセージは待機します。',
  certificate_expiring:
    '証明書は {days, plural, =1 {1 日以内} other {# 日以内}}に有効期限が切れます: {moment}。',
  credential_paused: 'この認証情報では何も送信されません。',
  'credential_paused.remedy': '「認証情報」のページで内容を置き換えてください。',
  'renew.remedy':
    'developer.apple.com で新しい「Apple Push Notification service SSL」証明書を作って置き換えるか、期限のない .p8 キーに移行してください。アプリの新しいリリースは不要です。',
  'compare.remedy':
    'キー ID、チーム ID、バンドル ID を developer.apple.com（Keys、Membership、Identifiers）と照合し、キーが取り消されていないことを確かめて、認証情報を置き換えてください。',
  'environment.production': '本番',
  'environment.sandbox': 'サンドボックス',
}
