import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'credentialHealth'> = {
  apns_bundle_id_wrong:
    '此应用的设备与此凭据的 Bundle ID 不同。Apple 接受凭据本身，因此检查都正常；设备会保留，消息会等待。',
  'apns_bundle_id_wrong.remedy':
    '请把凭据替换为与 Xcode 中应用的 Bundle ID 一致的凭据（.p8 密钥可以是同一文件），或替换为该应用的证书。',
  apns_environment_wrong:
    '在此凭据的环境中，Apple 不认识任何设备。凭据本身没有问题，因此检查都正常；设备会保留，消息会等待。',
  'apns_environment_wrong.remedy':
    '请上传另一环境的凭据：由 Xcode 安装的版本属于沙盒，TestFlight 和 App Store 属于生产环境。或者让设备以其所属环境注册。',
  fcm_project_wrong:
    '此应用的设备属于另一个 Firebase 项目，而不是此服务账号的项目。Google 接受账号本身，因此检查正常；设备会保留，消息会等待。',
  'fcm_project_wrong.remedy': '请替换为应用的 google-services.json 中所写项目（project_id）的服务账号。',
  vapid_key_wrong: '浏览器是用另一个 VAPID 密钥订阅的，只有那个密钥能送达。订阅会保留，消息会等待。',
  'vapid_key_wrong.remedy': '请上传网站订阅所用公钥（applicationServerKey）对应的密钥对。',
  content_unreadable: '为此凭据保存的内容已无法使用。',
  'content_unreadable.remedy': '请重新上传。',
  certificate_expired: '证书已过期；Apple 不再接受用它发送的推送。消息会等待。',
  apns_key_refused: 'Apple 拒绝此密钥：它已被吊销，或密钥 ID 与团队 ID 不属于它，或应用属于另一个团队。',
  apns_key_of_other_environment: '此密钥只为另一环境创建。',
  'apns_key_of_other_environment.remedy': '请在 developer.apple.com 为此环境创建密钥，并与现有密钥一起上传。',
  apns_topic_refused: 'Apple 不允许此凭据向此 Bundle ID 推送。',
  'apns_topic_refused.remedy':
    '请与 Xcode 中应用的 Bundle ID 核对；限定主题的密钥或其他应用的证书只适用于各自的主题。',
  apns_certificate_of_other_environment: '此证书不适用于此环境。',
  'apns_certificate_of_other_environment.remedy':
    '请在 developer.apple.com 创建“Sandbox & Production”证书并上传。',
  apns_certificate_refused: 'Apple 拒绝此证书：它已被吊销，或不是推送证书。',
  clock_wrong: 'Apple 把刚刚签名的令牌当作已过期：此服务器的时钟不准。',
  'clock_wrong.remedy': '请校准服务器的时钟（NTP）；凭据本身可能没有问题。',
  apns_forbidden: 'Apple 不允许此密钥推送。',
  fcm_api_disabled: '此项目中的 Firebase Cloud Messaging API (V1) 已关闭。',
  'fcm_api_disabled.remedy': '请开启它：Firebase 控制台 → 项目设置 → Cloud Messaging。',
  fcm_permission_missing: '此服务账号无权在此项目中发送消息。',
  'fcm_permission_missing.remedy':
    '请在 Google Cloud 控制台 → IAM 中授予它“Firebase Cloud Messaging API Admin”角色。',
  fcm_key_refused: 'Google 拒绝此密钥：它或它的服务账号已被删除，或此服务器的时钟差了几分钟。',
  'fcm_key_refused.remedy':
    '请在 Firebase 控制台 → 项目设置 → 服务账号中生成新的私钥并替换；同时检查服务器的时钟。',
  fcm_project_unknown: 'Google 不认识文件中所写的项目。',
  'fcm_project_unknown.remedy': '请上传构建应用所用 Firebase 项目的服务账号。',
  fcm_third_party_refused: 'Firebase 保存的 APNs 密钥或网页推送密钥被拒绝；Android 不受影响。',
  'fcm_third_party_refused.remedy': '请在 Firebase 控制台 → 项目设置 → Cloud Messaging 中替换它。',
  hms_permission_missing: '华为不允许此应用发送：Push Kit 未开通，或应用 ID 属于另一个项目。',
  'hms_permission_missing.remedy': '请在 AppGallery Connect → 我的项目 → 推送服务中开通，并核对应用 ID。',
  hms_client_refused: '华为拒绝此客户端 ID 和密钥。',
  'hms_client_refused.remedy':
    '请从 AppGallery Connect → 项目设置 → 应用信息 → OAuth 2.0 客户端 ID 重新复制两者，并替换凭据。',
  refused: '网关拒绝此凭据。',
  'refused.remedy': '请按厂商给出的原样重新上传；在此期间消息会等待。',
  certificate_expiring: '证书将在 {days, plural, =1 {一天} other {# 天}}内过期：{moment}。',
  credential_paused: '不会用此凭据发送任何内容。',
  'credential_paused.remedy': '请在“凭据”页面替换其内容。',
  'renew.remedy':
    '请在 developer.apple.com 创建新的“Apple Push Notification service SSL”证书并替换此证书，或改用不会过期的 .p8 密钥。应用无需发布新版本。',
  'compare.remedy':
    '请在 developer.apple.com（Keys、Membership、Identifiers）核对密钥 ID、团队 ID 和 Bundle ID，确认密钥未被吊销，然后替换凭据。',
  'environment.production': '生产',
  'environment.sandbox': '沙盒',
}
