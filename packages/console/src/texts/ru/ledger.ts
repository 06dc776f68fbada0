import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'ledger'> = {
  registered: 'Зарегистрирован',
  'registered.said':
    'Приложение зарегистрировало {address, select, apns {токен Apple} fcm {токен Google} webpush {подписку браузера} hms {токен Huawei} other {адрес}}{environment, select, none {} other { ({environment})}}.',
  active: 'Активен',
  'active.said': 'Используется с {day}.',
  refreshed: 'Обновлён',
  'refreshed.said':
    'Приложение снова зарегистрировало {kind, select, subscription {ту же подписку} other {тот же токен}}: адрес по-прежнему используется.',
  confirmed: 'Подтверждён',
  'confirmed.said':
    'Приложение снова зарегистрировало {kind, select, subscription {эту подписку} other {этот токен}}, подозрение снято.',
  restored: 'Восстановлен',
  'restored.said':
    'Приложение снова {how, select, opened {открыли} other {зарегистрировалось}}, и устройство опять доступно{former, select, none {} other {; прежнее состояние {kind, select, subscription {этой подписки} other {этого токена}}: {former}}}.',
  superseded: 'Заменён',
  'superseded.said':
    'У устройства есть {kind, select, subscription {более новая подписка} other {более новый токен}}, поэтому этот адрес больше не используется.',
  moved: 'Перешёл',
  'moved.said':
    'Другое устройство зарегистрировало {kind, select, subscription {эту подписку} other {этот токен}}, теперь адрес принадлежит ему.',
  suspect: 'Под подозрением',
  'suspect.then': 'Один признак — не доказательство: отправка продолжается, решит следующий ответ.',
  quarantined: 'В карантине',
  'quarantined.then': 'Туда ничего не отправляется, пока приложение не зарегистрирует его снова.',
  dead: 'Мёртв',
  'dead.since': 'Он не действовал с {day}.',
  unregistered: 'Отписан',
  'unregistered.said': '{day} устройство попросило больше ему не отправлять.',
  'speaker.apns': 'Apple',
  'speaker.fcm': 'Google',
  'speaker.webpush': 'Пуш-сервис браузера',
  'speaker.hms': 'Huawei',
  'speaker.other': 'Шлюз',
  'say.gone':
    'Ответ за {day} ({speaker}): {kind, select, subscription {эта подписка} other {этот токен}} больше не существует.',
  'say.expired':
    'Ответ за {day} ({speaker}): срок действия {kind, select, subscription {этой подписки} other {этого токена}} истёк.',
  'say.invalid':
    'Ответ за {day} ({speaker}): {kind, select, subscription {эта подписка недействительна} other {этот токен недействителен}}.',
  'say.unknown':
    'Ответ за {day} ({speaker}): {kind, select, subscription {эта подписка неизвестна} other {этот токен неизвестен}}{environment, select, none {} other { ({environment})}}.',
  'say.otherApp':
    'Ответ за {day} ({speaker}): {kind, select, subscription {эта подписка} other {этот токен}} от другого приложения.',
  'say.otherProject':
    'Ответ за {day} ({speaker}): {kind, select, subscription {эта подписка} other {этот токен}} от другого проекта Firebase.',
  'say.otherKey':
    'Ответ за {day} ({speaker}): {kind, select, subscription {эта подписка создана} other {этот токен создан}} с другим ключом VAPID.',
  'say.noAddress':
    'Ответ за {day} ({speaker}): {kind, select, subscription {такая подписка не выдавалась} other {такой токен не выдавался}}.',
  'say.other': 'Ответ за {day} ({speaker}): {reason}.',
  'own.not_heard_of':
    'От этого устройства так долго ничего не было слышно, что {kind, select, subscription {его подписка оставлена} other {его токен оставлен}}.',
  'own.inactive':
    'Приложение на этом устройстве так долго не открывали, что {kind, select, subscription {его подписка отложена} other {его токен отложен}}. Следующее открытие вернёт адрес.',
  'own.expired':
    '{kind, select, subscription {Эта подписка} other {Этот токен}} — срок, заданный для него, прошёл.',
  'own.mass_failure_guard':
    'Сразу столько отказов, что виноваты, возможно, мы; {kind, select, subscription {эта подписка придержана, а не завершена} other {этот токен придержан, а не завершён}}.',
  'own.other': 'Записано {day}: {reason}.',
  noReason: '{day} причина не записана.',
  'unknown.said': 'Записано как «{event}»{reason, select, none {} other {, причина: «{reason}»}}.',
}
