import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'credentialHealth'> = {
  apns_bundle_id_wrong:
    'У устройств этого приложения другой bundle id, чем у этих учётных данных. Сами данные Apple принимает, поэтому проверки в порядке; устройства остаются, сообщения ждут.',
  'apns_bundle_id_wrong.remedy':
    'Замените их данными с тем bundle id, который у приложения в Xcode (ключ .p8 может быть тем же файлом), или сертификатом этого приложения.',
  apns_environment_wrong:
    'В среде этих учётных данных Apple не знает ни одного устройства. Сами данные в порядке, как и проверки; устройства остаются, сообщения ждут.',
  'apns_environment_wrong.remedy':
    'Загрузите данные для другой среды: сборки из Xcode относятся к песочнице, TestFlight и App Store — к рабочей среде. Или регистрируйте устройства с той средой, к которой они относятся.',
  fcm_project_wrong:
    'Устройства этого приложения относятся к другому проекту Firebase, чем этот сервисный аккаунт. Сам аккаунт Google принимает, поэтому проверка в порядке; устройства остаются, сообщения ждут.',
  'fcm_project_wrong.remedy':
    'Замените его сервисным аккаунтом проекта, указанного в google-services.json приложения (project_id).',
  vapid_key_wrong:
    'Браузеры подписаны с другим ключом VAPID; достичь их можно только с ним. Подписки остаются, сообщения ждут.',
  'vapid_key_wrong.remedy':
    'Загрузите пару, с открытым ключом которой сайт оформляет подписки (applicationServerKey).',
  content_unreadable: 'Сохранённое содержимое этих учётных данных больше нельзя использовать.',
  'content_unreadable.remedy': 'Загрузите их снова.',
  certificate_expired: 'Срок сертификата истёк; Apple не принимает с ним отправки. Сообщения ждут.',
  apns_key_refused:
    'Apple отклоняет ключ: он отозван, или id ключа и команды к нему не относятся, или приложение другой команды.',
  apns_key_of_other_environment: 'Ключ создан только для другой среды.',
  'apns_key_of_other_environment.remedy':
    'Создайте ключ для этой среды на developer.apple.com и загрузите его рядом с этим.',
  apns_topic_refused: 'Apple не разрешает отправлять с этими данными на этот bundle id.',
  'apns_topic_refused.remedy':
    'Сравните bundle id с приложением в Xcode; ключ для отдельных тем или сертификат другого приложения подходит только для них.',
  apns_certificate_of_other_environment: 'Сертификат не подходит для этой среды.',
  'apns_certificate_of_other_environment.remedy':
    'Создайте сертификат «Sandbox & Production» на developer.apple.com и загрузите его.',
  apns_certificate_refused: 'Apple отклоняет сертификат: он отозван или не предназначен для push.',
  clock_wrong: 'Apple считает только что подписанный токен просроченным: часы этого сервера неверны.',
  'clock_wrong.remedy': 'Настройте часы сервера (NTP); сами учётные данные могут быть в порядке.',
  apns_forbidden: 'Apple не разрешает отправлять с этим ключом.',
  fcm_api_disabled: 'Firebase Cloud Messaging API (V1) выключен в этом проекте.',
  'fcm_api_disabled.remedy': 'Включите его: консоль Firebase → Настройки проекта → Cloud Messaging.',
  fcm_permission_missing: 'Сервисному аккаунту нельзя отправлять сообщения в этом проекте.',
  'fcm_permission_missing.remedy':
    'Дайте ему роль «Firebase Cloud Messaging API Admin» в консоли Google Cloud → IAM.',
  fcm_key_refused:
    'Google отклоняет ключ: он или его сервисный аккаунт удалён, или часы этого сервера расходятся на минуты.',
  'fcm_key_refused.remedy':
    'Создайте новый закрытый ключ в консоли Firebase → Настройки проекта → Сервисные аккаунты и замените этот; проверьте часы сервера.',
  fcm_project_unknown: 'Google не знает проекта, указанного в файле.',
  'fcm_project_unknown.remedy':
    'Загрузите сервисный аккаунт того проекта Firebase, с которым собрано приложение.',
  fcm_third_party_refused:
    'Ключ APNs или ключ web push, хранящийся в Firebase, отклонён; Android это не касается.',
  'fcm_third_party_refused.remedy': 'Замените его в консоли Firebase → Настройки проекта → Cloud Messaging.',
  hms_permission_missing:
    'Huawei не разрешает этому приложению отправлять: Push Kit выключен, или id приложения из другого проекта.',
  'hms_permission_missing.remedy':
    'Включите Push Kit в AppGallery Connect → Мои проекты → Push Kit и сравните id приложения.',
  hms_client_refused: 'Huawei отклоняет id и секрет клиента.',
  'hms_client_refused.remedy':
    'Скопируйте оба заново из AppGallery Connect → Настройки проекта → Сведения о приложении → OAuth 2.0 client ID и замените учётные данные.',
  refused: 'Шлюз отклоняет эти учётные данные.',
  'refused.remedy': 'Загрузите их снова в том виде, в каком их дал поставщик; сообщения пока ждут.',
  certificate_expiring:
    'Срок сертификата истекает {days, plural, =1 {менее чем через день} one {через # день} few {через # дня} many {через # дней} other {через # дня}}: {moment}.',
  credential_paused: 'С этими учётными данными ничего не отправляется.',
  'credential_paused.remedy': 'Замените их содержимое на странице «Учётные данные».',
  'renew.remedy':
    'Создайте новый сертификат «Apple Push Notification service SSL» на developer.apple.com и замените им этот или перейдите на ключ .p8, у которого нет срока. Новый выпуск приложений не нужен.',
  'compare.remedy':
    'Сравните id ключа, id команды и bundle id с developer.apple.com (Keys; Membership; Identifiers), убедитесь, что ключ не отозван, и замените учётные данные.',
  'environment.production': 'рабочая среда',
  'environment.sandbox': 'песочница',
}
