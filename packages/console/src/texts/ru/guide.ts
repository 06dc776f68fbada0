import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'guide'> = {
  title: 'Руководство по настройке',
  about: 'От нуля до открытого пуша. Шаги зеленеют сами, когда приходят ваши устройства.',
  platform: 'Платформа',
  steps: 'Шаги',
  progress: 'Готово {done, number} из {whole, number}',
  'done.credential.web': 'Пара ключей есть у каждого приложения с самого начала: здесь делать нечего.',
  fresh:
    'Начните там, где ваши пользователи. Быстрее всего попробовать веб: не нужны учётные записи Apple, Google или Huawei.',
  ask: 'Это может сделать тот, кому можно менять приложение.',
  'platform.progress': '{platform} {done, number}/{whole, number}',
  'done.since': 'готово, {day}',
  'state.done': 'готово',
  'state.open': 'предстоит',
  'state.trouble': 'что-то не так',
  'step.credential': 'Дать ключ шлюза',
  'step.credential.about': 'Roost отправляет от вашего имени, для этого нужен ключ.',
  'step.credential.ios': 'Скачайте ключ .p8 на developer.apple.com → Keys и перетащите на страницу ключей.',
  'step.credential.android':
    'Скачайте сервисный аккаунт: консоль Firebase → настройки проекта → Service accounts.',
  'step.credential.web': 'Пара ключей VAPID создаётся одним нажатием или уже есть у приложения.',
  'step.credential.huawei':
    'Скопируйте id приложения, id и секрет клиента: AppGallery Connect → Project settings.',
  'step.device': 'Зарегистрировать первое устройство',
  'step.device.about':
    'Вставьте код в приложение, запустите и разрешите уведомления. Устройство появится за секунды.',
  'step.accepted': 'Отправить первый пуш',
  'step.accepted.about': 'Напишите сообщение на своё устройство. Шаг позеленеет, когда шлюз его примет.',
  'step.received': 'Устройство сообщает о доставке',
  'step.received.about': 'Приложение шлёт отчёт (messageDeliveryEvent) с hash пуша; веб-SDK делает это сам.',
  'step.received.ios': 'iOS сообщает через расширение службы уведомлений: messageDeliveryEvent с hash (p).',
  'step.opened': 'Кто-то его открывает',
  'step.opened.about': 'Нажмите на пуш; приложение сообщит pushStat с hash.',
  'step.extension': 'Добавить расширение уведомлений',
  'step.extension.about':
    'Нужно iOS для картинок и отчётов о доставке. Пусть сообщает версию (extensionVersion).',
  'step.test_device': 'Завести тестовое устройство',
  'step.test_device.about':
    'Отсканируйте код телефоном: он станет тестовым, и сообщения можно пробовать до рассылки.',
  'go.credentials': 'Открыть ключи',
  'go.message': 'Написать сообщение',
  'go.testDevices': 'Сканировать код',
  snippet: 'Код для приложения ({language})',
  'snippet.token':
    'Замените <code>DEVICE_TOKEN</code> токеном устройств: он показан при создании приложения; новый делается в API-токенах.',
}
